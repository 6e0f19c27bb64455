/* percent_test.c - percent-encoding, there and back. */
#include "io/percent.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(percent, encodes_all_but_unreserved)
{
    char *text = percent_encode("aZ09-._~ +/=:!%\xc3\xa9");

    cr_assert_str_eq(text, "aZ09-._~%20%2B%2F%3D%3A%21%25%C3%A9");
    free(text);
}

Test(percent, decodes_what_is_encoded_and_keeps_the_rest)
{
    static const char in[] = "a%2bb+%zz%4%";
    char *text = percent_decode(in, strlen(in));

    cr_assert_str_eq(text, "a+b+%zz%4%");
    free(text);
}

Test(percent, decodes_at_the_very_end)
{
    char *text = percent_decode("x%3D", 4);

    cr_assert_str_eq(text, "x=");
    free(text);
}

Test(percent, refuses_a_nul)
{
    cr_assert_null(percent_decode("a%00b", 5));
}
