#include "html.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "marks.h"

static void escape(FILE *stream, const char *text)
{
    char *clean = text_clean(text);
    for (const char *c = clean; *c != '\0'; c++) {
        switch (*c) {
        case '&':
            fputs("&amp;", stream);
            break;
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '"':
            fputs("&quot;", stream);
            break;
        case '\'':
            fputs("&#39;", stream);
            break;
        default:
            fputc(*c, stream);
        }
    }
    free(clean);
}

void html_write(FILE *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (const char *c = format; *c != '\0'; c++) {
        if (*c != '%') {
            fputc(*c, stream);
        } else if (*++c == 's') {
            escape(stream, va_arg(arguments, const char *));
        } else if (*c == 'd') {
            fprintf(stream, "%d", va_arg(arguments, int));
        } else if (*c == 'f') {
            char *number = marks_number(va_arg(arguments, double));
            fputs(number, stream);
            free(number);
        } else {
            fputc(*c, stream);
        }
    }
    va_end(arguments);
}

void html_begin(FILE *stream, const char *title, const char *style, const char *folder)
{
    html_write(stream,
               "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; %s\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n",
               style != NULL ? "style-src 'unsafe-inline'" : "style-src 'self' file:; script-src 'self' file:", title);
    if (style != NULL)
        fprintf(stream, "<style>\n%s</style>\n", style);
    else
        html_write(stream, "<link rel=\"stylesheet\" href=\"%sstyle.css\">\n", folder);
    fputs("</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n", stream);
}

void html_end(FILE *stream, const char *script)
{
    fputs("</main>\n", stream);
    if (script != NULL)
        html_write(stream, "<script src=\"%s\"></script>\n", script);
    fputs("</body>\n</html>\n", stream);
}
