/* Says what it was asked to do and ends: enough to see that it runs alone in its image. */
#include <stdio.h>

int main(int count, char **arguments) {
    printf("mybinary: %s\n", count > 1 ? arguments[1] : "nothing to do");
    return count > 1 ? 0 : 64;
}
