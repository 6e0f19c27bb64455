/* regiond_main.c - where regiond starts. */
#include <stdio.h>

int main(void)
{
    puts("regiond");
    return 2;
}
