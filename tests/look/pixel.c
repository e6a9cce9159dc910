/* pixel FILE.png X Y ...: "r g b a" of each of these pixels, a line each; without them the size.
 * Read with libpng, so that a file which another program could not read is seen. */
#include <png.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (argc < 2 || png_image_begin_read_from_file(&png, argv[1]) == 0) {
        fprintf(stderr, "%s: %s\n", argc > 1 ? argv[1] : "pixel", png.message);
        return 1;
    }
    png.format = PNG_FORMAT_RGBA;
    unsigned char *rgba = malloc(PNG_IMAGE_SIZE(png));
    if (rgba == NULL || png_image_finish_read(&png, NULL, rgba, 0, NULL) == 0) {
        fprintf(stderr, "%s: %s\n", argv[1], png.message);
        return 1;
    }
    if (argc == 2)
        printf("%u %u\n", (unsigned)png.width, (unsigned)png.height);
    for (int i = 2; i + 1 < argc; i += 2) {
        unsigned long x = strtoul(argv[i], NULL, 10), y = strtoul(argv[i + 1], NULL, 10);
        if (x >= png.width || y >= png.height)
            return 1;
        const unsigned char *p = rgba + 4 * (y * png.width + x);
        printf("%d %d %d %d\n", p[0], p[1], p[2], p[3]);
    }
    free(rgba);
    return 0;
}
