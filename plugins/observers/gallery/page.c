/* The page: one file that needs no other and no network. */
#include "gallery.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1d1f23;--soft:#6a6f78;--line:#e3e5e9;--paper:#fcfcfb;"
    "--card:#fff}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e5e8;--soft:#9498a1;--line:#2c2f35;"
    "--paper:#16181b;--card:#1d2024}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",sans-serif}\n"
    "main{max-width:66rem;margin:0 auto;padding:3.5rem 1.5rem 6rem}\n"
    "h1{font-size:1.7rem;font-weight:600;letter-spacing:-.01em;margin:0}\n"
    "h2{font-size:1.05rem;font-weight:600;margin:0 0 1.2rem;padding-top:1rem;"
    "border-top:1px solid var(--line)}\n"
    "header p{color:var(--soft);margin:.3rem 0 0}\n"
    "section{margin-top:3rem}\n"
    ".all{display:flex;flex-wrap:wrap;gap:1.6rem;align-items:flex-start}\n"
    "figure{margin:0;padding:1rem;background:var(--card);border:1px solid var(--line);"
    "border-radius:.6rem;max-width:100%}\n"
    "img{display:block;max-width:100%;height:auto;image-rendering:pixelated}\n"
    "figcaption{margin-top:.8rem;font-size:.85rem;line-height:1.5;color:var(--soft);"
    "max-width:44rem}\n"
    "figcaption b{color:var(--ink);font-weight:600}\n"
    ".scale{display:flex;align-items:center;gap:.5rem;margin-top:.35rem;"
    "font-variant-numeric:tabular-nums}\n"
    ".scale i{width:8rem;height:.55rem;border-radius:.2rem;border:1px solid var(--line)}\n";

static void escaped(FILE *f, const char *text)
{
    for (; *text != '\0'; text++)
        if (*text == '<')
            fputs("&lt;", f);
        else if (*text == '>')
            fputs("&gt;", f);
        else if (*text == '&')
            fputs("&amp;", f);
        else if (*text == '"')
            fputs("&quot;", f);
        else
            putc(*text, f);
}

static void base64(FILE *f, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t word = (uint32_t)bytes[i] << 16;
        word |= n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        word |= n > 2 ? bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            putc(k <= n ? digits[word >> (18 - 6 * k) & 63] : '=', f);
    }
}

void gallery_page_begin(FILE *f, const char *pipeline, const char *backend, const char *weights)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
          f);
    escaped(f, pipeline);
    fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<header>\n<h1>", style);
    escaped(f, pipeline);
    fputs("</h1>\n<p>", f);
    if (weights != NULL) {
        fputs("weights from ", f);
        escaped(f, weights);
    } else {
        fputs("the weights that it starts with: nothing is learnt yet", f);
    }
    fputs(", computed by the backend ", f);
    escaped(f, backend);
    fputs("</p>\n</header>\n", f);
}

void gallery_page_section(FILE *f, const char *title, bool first)
{
    fprintf(f, "%s<section>\n<h2>", first ? "" : "</div>\n</section>\n");
    escaped(f, title);
    fputs("</h2>\n<div class=\"all\">\n", f);
}

void gallery_page_end(FILE *f, bool any)
{
    fprintf(f, "%s</main>\n</body>\n</html>\n", any ? "</div>\n</section>\n" : "");
}

/* ---- a picture ---- */

static void shape(FILE *f, const cnn_type *type)
{
    for (uint32_t i = 0; i < type->rank; i++)
        fprintf(f, "%s%" PRId64, i > 0 ? " × " : "", type->dim[i]);
}

/* The palette as a bar, from its own colours. */
static void legend(FILE *f, const drawing *d)
{
    enum { STOPS = 9 };
    uint8_t c[4];
    if (d->palette == PALETTE_COLOUR)
        return;
    fprintf(f, "<span class=\"scale\">%.3g<i style=\"background:linear-gradient(90deg", d->low);
    for (int i = 0; i < STOPS; i++) {
        gallery_colour(d, d->low + (d->high - d->low) * i / (STOPS - 1), c);
        fprintf(f, ",#%02x%02x%02x", c[0], c[1], c[2]);
    }
    fprintf(f, ")\"></i>%.3g</span>", d->high);
}

static void how_many(FILE *f, const cnn_picture *p, const drawing *d)
{
    const char *of = p->kind == CNN_PICTURE_FILTERS ? "filters" : "maps";
    if (d->shown < d->all)
        fprintf(f, "; the first %" PRId64 " of %" PRId64 " %s", d->shown, d->all, of);
    if (d->shown_channels < d->all_channels)
        fprintf(f, "; the first %" PRId64 " of %" PRId64 " channels", d->shown_channels,
                d->all_channels);
}

static const char *explanation(const cnn_picture *p, const drawing *d)
{
    switch (p->kind) {
    case CNN_PICTURE_IMAGE:
        return "as the model sees it, stretched from its 1st to its 99th percentile";
    case CNN_PICTURE_HEAT:
        return "the image, the heat over it, and the heat as it was worked out";
    case CNN_PICTURE_FILTERS:
        return d->all_channels > 0 ? "a row for each filter, a column for each channel" : "";
    default:
        return "";
    }
}

void gallery_page_picture(FILE *f, const cnn_picture *p, const drawing *d, const uint8_t *png,
                          size_t size)
{
    const char *more = explanation(p, d);
    fputs("<figure>\n<img alt=\"", f);
    escaped(f, p->title);
    fprintf(f, "\" width=\"%" PRId64 "\" height=\"%" PRId64 "\" src=\"data:image/png;base64,",
            d->pixels.width, d->pixels.height);
    base64(f, png, size);
    fputs("\">\n<figcaption><b>", f);
    escaped(f, p->title);
    fputs("</b> ", f);
    shape(f, &p->type);
    fprintf(f, ", from %.3g to %.3g", d->least, d->most);
    how_many(f, p, d);
    fputs(d->odd ? "; magenta is no number" : "", f);
    fprintf(f, "%s%s", more[0] != '\0' ? "; " : "", more);
    if (p->note[0] != '\0') {
        fputs("<br>", f);
        escaped(f, p->note);
    }
    legend(f, d);
    fputs("</figcaption>\n</figure>\n", f);
}
