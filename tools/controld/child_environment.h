/* child_environment.h - the environment of a program that we start.
 *
 * Knows:         which of our variables a child has a use for; ours may hold accounts' keys and tokens.
 * Must not know: which program it is for.
 * Threads:       none; while nobody changes the environment.
 */
#ifndef CONTROLD_CHILD_ENVIRONMENT_H
#define CONTROLD_CHILD_ENVIRONMENT_H

/* What is passed on, and after it what is added ("NAME=VALUE", ends with NULL; or NULL): a list of views,
 * itself malloc'd, that ends with NULL. NULL: no memory. */
char **child_environment(const char *const *added);

#endif
