/* snapferry_main.c - where snapferry starts. */
#include <stdio.h>

int main(void)
{
    puts("snapferry");
    return 2;
}
