#include "yaml_check.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct yaml_text {
    yaml_document_t document;
    yaml_node_t *root;
};

/* What a check of one value needs: the document, the schema, and the key the value belongs to. */
struct place {
    yaml_document_t *document;
    struct yaml_fault *fault;
    const char *key;
};

bool yaml_fault_set(struct yaml_fault *fault, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    fault->line = line;
    for (char *c = fault->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return false;
}

/* ---- parsing ---- */

static int line_of_offset(const char *bytes, size_t length, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && i < length; i++)
        line += bytes[i] == '\n';
    return line;
}

/* The reader's errors (encoding, control characters) come with an offset, all others with a mark. */
static void parser_fault(const yaml_parser_t *parser, const char *bytes, size_t length, struct yaml_fault *fault)
{
    const char *problem = parser->problem ? parser->problem : "unknown problem";
    if (parser->error == YAML_MEMORY_ERROR) {
        yaml_fault_set(fault, 1, "out of memory");
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        yaml_fault_set(fault, line_of_offset(bytes, length, parser->problem_offset),
                       "not UTF-8 text: %s (byte %zu of the file)", problem, parser->problem_offset + 1);
        return;
    }
    bool colon = strstr(problem, "mapping values are not allowed") != NULL;
    yaml_fault_set(fault, (int)parser->problem_mark.line + 1, "not valid YAML: %s%s%s%s", problem,
                   parser->context ? " " : "", parser->context ? parser->context : "",
                   colon ? " (a text with ': ' in it must stand in quotes)" : "");
}

enum { DEEPEST = 16 }; /* nested values; libyaml takes time in the square of the depth */

/* Counts one event. Returns false if it starts a second document or a value nested too deeply. */
static bool accept_event(const yaml_event_t *event, int *depth, int *documents, struct yaml_fault *fault)
{
    const int line = (int)event->start_mark.line + 1;
    if (event->type == YAML_DOCUMENT_START_EVENT && ++*documents > 1)
        return yaml_fault_set(fault, line, "a second document starts here, one is allowed");
    if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
        --*depth;
    if (event->type != YAML_SEQUENCE_START_EVENT && event->type != YAML_MAPPING_START_EVENT)
        return true;
    return ++*depth <= DEEPEST || yaml_fault_set(fault, line, "lists and mappings are nested too deeply");
}

/* Whether the bytes are the text of one document. */
static bool check_events(yaml_parser_t *parser, const char *bytes, size_t length, struct yaml_fault *fault)
{
    int depth = 0, documents = 0;
    bool ok = true, end = false;
    while (ok && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            parser_fault(parser, bytes, length, fault);
            return false;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        ok = accept_event(&event, &depth, &documents, fault);
        yaml_event_delete(&event);
    }
    return ok && (documents > 0 || yaml_fault_set(fault, 1, "is empty"));
}

static bool start_parser(yaml_parser_t *parser, const char *bytes, size_t length, struct yaml_fault *fault)
{
    if (!yaml_parser_initialize(parser))
        return yaml_fault_set(fault, 1, "out of memory");
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)bytes, length);
    return true;
}

static bool load_document(struct yaml_text *text, const char *bytes, size_t length, struct yaml_fault *fault)
{
    yaml_parser_t parser;
    if (!start_parser(&parser, bytes, length, fault))
        return false;
    const bool ok = yaml_parser_load(&parser, &text->document) != 0;
    if (ok)
        text->root = yaml_document_get_root_node(&text->document);
    else
        parser_fault(&parser, bytes, length, fault);
    yaml_parser_delete(&parser);
    return ok;
}

struct yaml_text *yaml_text_parse(const char *bytes, size_t length, struct yaml_fault *fault)
{
    yaml_parser_t parser;
    if (!start_parser(&parser, bytes, length, fault))
        return NULL;
    const bool ok = check_events(&parser, bytes, length, fault);
    yaml_parser_delete(&parser);
    struct yaml_text *text = ok ? calloc(1, sizeof *text) : NULL;
    if (ok && !text)
        yaml_fault_set(fault, 1, "out of memory");
    if (text && !load_document(text, bytes, length, fault)) {
        free(text);
        text = NULL;
    }
    return text;
}

void yaml_text_free(struct yaml_text *text)
{
    if (!text)
        return;
    yaml_document_delete(&text->document);
    free(text);
}

/* ---- nodes ---- */

static int node_line(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

/* The text of a scalar, NULL for any other node. */
static const char *scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static const yaml_node_pair_t *find_pair(yaml_document_t *document, const yaml_node_t *mapping, const char *key)
{
    if (!mapping || mapping->type != YAML_MAPPING_NODE)
        return NULL;
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = scalar(yaml_document_get_node(document, pair->key));
        if (name && strcmp(name, key) == 0)
            return pair;
    }
    return NULL;
}

static yaml_node_t *list_entry(yaml_document_t *document, const yaml_node_t *list, int index)
{
    if (!list || list->type != YAML_SEQUENCE_NODE)
        return NULL;
    const yaml_node_item_t *item = list->data.sequence.items.start;
    return index < list->data.sequence.items.top - item ? yaml_document_get_node(document, item[index]) : NULL;
}

int yaml_text_line(const struct yaml_text *text, const char *key, int index, const char *subkey)
{
    yaml_document_t *document = (yaml_document_t *)&text->document; /* libyaml knows no const; it only looks */
    const yaml_node_pair_t *pair = find_pair(document, text->root, key);
    if (!pair)
        return 0;
    const yaml_node_t *named = yaml_document_get_node(document, pair->key);
    const yaml_node_t *value = yaml_document_get_node(document, pair->value);
    if (index >= 0)
        named = value = list_entry(document, value, index);
    if (subkey) {
        pair = find_pair(document, value, subkey);
        named = pair ? yaml_document_get_node(document, pair->key) : NULL;
    }
    return named ? node_line(named) : 0;
}

/* ---- near words ---- */

enum { WORD = 40 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edit distance in which two letters swapped count as one edit; INT_MAX for long words. */
static int distance(const char *a, const char *b)
{
    int d[WORD + 1][WORD + 1];
    int rows = (int)strnlen(a, WORD + 1), columns = (int)strnlen(b, WORD + 1);
    if (rows > WORD || columns > WORD)
        return INT_MAX;
    for (int i = 0; i <= rows; i++)
        for (int j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[rows][columns];
}

/* Whether one word is the beginning of the other, as `memory` is of `memory_mb`. */
static bool is_beginning(const char *a, const char *b)
{
    const size_t length = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
    return length >= 3 && strncmp(a, b, length) == 0;
}

const char *yaml_nearest(const char *word, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    const int third = (int)strnlen(word, WORD) / 3; /* of the letters may be wrong, one at least */
    int best = (third < 1 ? 1 : third) + 1;
    for (size_t i = 0; i < count; i++) {
        const int edits = distance(word, words[i]);
        if (edits < best) {
            best = edits;
            nearest = words[i];
        }
    }
    for (size_t i = 0; i < count && !nearest; i++)
        if (is_beginning(word, words[i]))
            nearest = words[i];
    return nearest;
}

/* ---- checking against the schema ---- */

static bool check_value(struct place place, const yaml_node_t *node, const cyaml_schema_value_t *schema);

static bool unknown_key(struct place place, int line, const char *key, const cyaml_schema_field_t *fields)
{
    const char *names[64];
    size_t count = 0;
    for (; fields[count].key && count < sizeof names / sizeof *names; count++)
        names[count] = fields[count].key;
    const char *nearest = yaml_nearest(key, names, count);
    if (nearest)
        return yaml_fault_set(place.fault, line, "unknown key '%.60s' (did you mean '%s'?)", key, nearest);
    return yaml_fault_set(place.fault, line, "unknown key '%.60s'", key);
}

static bool check_pair(struct place place, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
                       const cyaml_schema_field_t *fields)
{
    const yaml_node_t *key = yaml_document_get_node(place.document, pair->key);
    const char *name = scalar(key);
    if (!name)
        return yaml_fault_set(place.fault, node_line(key), "a key must be a plain word");
    const yaml_node_pair_t *first = find_pair(place.document, mapping, name);
    if (first != pair)
        return yaml_fault_set(place.fault, node_line(key), "key '%.60s' is there twice, first on line %d", name,
                              node_line(yaml_document_get_node(place.document, first->key)));
    const cyaml_schema_field_t *field = fields;
    while (field->key && strcmp(field->key, name) != 0)
        field++;
    if (!field->key)
        return unknown_key(place, node_line(key), name, fields);
    place.key = field->key;
    return check_value(place, yaml_document_get_node(place.document, pair->value), &field->value);
}

static bool check_mapping(struct place place, const yaml_node_t *node, const cyaml_schema_field_t *fields)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    for (; pair < node->data.mapping.pairs.top; pair++)
        if (!check_pair(place, node, pair, fields))
            return false;
    for (const cyaml_schema_field_t *field = fields; field->key; field++) {
        if ((field->value.flags & CYAML_FLAG_OPTIONAL) || find_pair(place.document, node, field->key))
            continue;
        if (place.key)
            return yaml_fault_set(place.fault, node_line(node), "key '%s' is missing in '%s'", field->key, place.key);
        return yaml_fault_set(place.fault, node_line(node), "key '%s' is missing", field->key);
    }
    return true;
}

static bool check_list(struct place place, const yaml_node_t *node, const cyaml_schema_value_t *schema)
{
    const yaml_node_item_t *item = node->data.sequence.items.start;
    const yaml_node_item_t *top = node->data.sequence.items.top;
    if (top - item < (ptrdiff_t)schema->sequence.min)
        return yaml_fault_set(place.fault, node_line(node), "'%s' is a list of %td entries, it must have at least %u",
                              place.key, top - item, (unsigned)schema->sequence.min);
    if (top - item > (ptrdiff_t)schema->sequence.max)
        return yaml_fault_set(place.fault, node_line(node), "'%s' is a list of %td entries, it must have at most %u",
                              place.key, top - item, (unsigned)schema->sequence.max);
    for (; item < top; item++)
        if (!check_value(place, yaml_document_get_node(place.document, *item), schema->sequence.entry))
            return false;
    return true;
}

/* libcyaml would read 010 as 8 and 3.5 as 3. */
static bool is_int(const char *value)
{
    const char *digits = value + (*value == '-');
    size_t count = strspn(digits, "0123456789");
    return count > 0 && count <= 9 && !digits[count] && (count == 1 || *digits != '0');
}

static bool is_float(const char *value)
{
    char *end;
    strtod(value, &end);
    return end != value && !*end && strspn(value, "0123456789.eE+-") == strlen(value);
}

static bool check_enum(struct place place, const yaml_node_t *node, const cyaml_schema_value_t *schema)
{
    char names[160] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *name = schema->enumeration.strings[i].str;
        if (strcmp(scalar(node), name) == 0)
            return true;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", name);
    }
    return yaml_fault_set(place.fault, node_line(node), "'%s' must be one of %s, not '%.60s'", place.key, names,
                          scalar(node));
}

static bool wrong_type(struct place place, const yaml_node_t *node, const char *wanted)
{
    const char *is = scalar(node);
    const char *key = place.key ? place.key : "lab.yaml";
    if (!is)
        return yaml_fault_set(place.fault, node_line(node), "'%s' must be %s, not %s", key, wanted,
                              node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping");
    if (!*is)
        return yaml_fault_set(place.fault, node_line(node), "'%s' must be %s, but it is empty", key, wanted);
    return yaml_fault_set(place.fault, node_line(node), "'%s' must be %s, not '%.60s'", key, wanted, is);
}

static bool check_value(struct place place, const yaml_node_t *node, const cyaml_schema_value_t *schema)
{
    const char *text = scalar(node);
    switch (schema->type) {
    case CYAML_MAPPING:
        return node->type == YAML_MAPPING_NODE ? check_mapping(place, node, schema->mapping.fields)
                                               : wrong_type(place, node, "a mapping of keys and values");
    case CYAML_SEQUENCE:
        return node->type == YAML_SEQUENCE_NODE ? check_list(place, node, schema) : wrong_type(place, node, "a list");
    case CYAML_INT:
        return (text && is_int(text)) || wrong_type(place, node, "a whole number");
    case CYAML_FLOAT:
        return (text && is_float(text)) || wrong_type(place, node, "a number");
    case CYAML_ENUM:
        return text ? check_enum(place, node, schema) : wrong_type(place, node, "one word");
    case CYAML_STRING:
        return text || wrong_type(place, node, "text");
    default: /* versions of libcyaml differ in which others there are */
        return true;
    }
}

bool yaml_text_check(const struct yaml_text *text, const cyaml_schema_value_t *schema, struct yaml_fault *fault)
{
    struct place place = {.document = (yaml_document_t *)&text->document, .fault = fault};
    return check_value(place, text->root, schema);
}
