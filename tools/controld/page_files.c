/* page_files.c - see page_files.h.
 *
 * The assembler takes the files in as they are (gcc and clang alike), so that there is no step that makes
 * C of them. PAGE_FOLDER is theirs; CMake compiles this again when one changes.
 */
#include "tools/controld/page_files.h"

#define EMBED(name, file)                                                                          \
    extern const unsigned char page_##name[], page_##name##_end[];                                 \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global page_" #name "\n"                                                             \
            "page_" #name ":\n"                                                                    \
            ".incbin \"" PAGE_FOLDER "/" file "\"\n"                                               \
            ".global page_" #name "_end\n"                                                         \
            "page_" #name "_end:\n"                                                                \
            ".byte 0\n"                                                                            \
            ".popsection\n")

EMBED(html, "index.html");
EMBED(css, "page.css");
EMBED(js, "page.js");
EMBED(views, "page_views.js");
EMBED(map, "page_map.js");

#define ACCESS_PATH "/page-access.json"
#define JSON_TYPE   "application/json; charset=utf-8"

static const char token_needed[] = "{\"token\":true}\n", token_not_needed[] = "{\"token\":false}\n";

void page_files(bool token_only, struct front_file out_files[PAGE_FILES_COUNT])
{
    const size_t html = (size_t)(page_html_end - page_html);

    out_files[0] = (struct front_file){"/", "text/html; charset=utf-8", page_html, html};
    out_files[1] = (struct front_file){"/index.html", "text/html; charset=utf-8", page_html, html};
    out_files[2] = (struct front_file){"/page.css", "text/css; charset=utf-8", page_css,
                                       (size_t)(page_css_end - page_css)};
    out_files[3] = (struct front_file){"/page.js", "text/javascript; charset=utf-8", page_js,
                                       (size_t)(page_js_end - page_js)};
    out_files[4] = (struct front_file){"/page_views.js", "text/javascript; charset=utf-8",
                                       page_views, (size_t)(page_views_end - page_views)};
    out_files[5] = (struct front_file){"/page_map.js", "text/javascript; charset=utf-8", page_map,
                                       (size_t)(page_map_end - page_map)};
    out_files[6] = token_only ? (struct front_file){ACCESS_PATH, JSON_TYPE, token_needed,
                                                    sizeof token_needed - 1}
                              : (struct front_file){ACCESS_PATH, JSON_TYPE, token_not_needed,
                                                    sizeof token_not_needed - 1};
}
