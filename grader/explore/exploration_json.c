#include "exploration_json.h"

#include <jansson.h>
#include <stdlib.h>

#include "../text.h"

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *list_json(const struct told *list, size_t count, struct lines *lines)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct line line = lines_at(lines, list[i].pc);
        json_t *object = json_object();
        json_object_set_new(object, "thread", json_integer(list[i].thread));
        json_object_set_new(object, "file", json_string(line.file));
        json_object_set_new(object, "line", line.number > 0 ? json_integer(line.number) : json_null());
        json_object_set_new(object, "function", json_string(line.function));
        json_object_set_new(object, "source", json_string(line.text));
        json_object_set_new(object, "what", json_string(list[i].words));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *item_json(const char *name, const struct exploration *item, struct lines *lines)
{
    static const char *const outcomes[] = {[EXPLORED_CLEAN] = "clean",
                                           [EXPLORED_FOUND] = "found",
                                           [EXPLORED_UNSUPPORTED] = "unsupported",
                                           [EXPLORED_MISUSED] = "misused",
                                           [EXPLORED_BROKEN] = "broken"};
    const struct results *results = &item->results;
    const bool found = item->outcome == EXPLORED_FOUND;
    json_t *object = json_object();
    json_object_set_new(object, "scenario", text_or_null(name));
    json_object_set_new(object, "outcome", json_string(outcomes[item->outcome]));
    json_object_set_new(object, "why", text_or_null(item->why));
    json_object_set_new(object, "kind", text_or_null(found ? results->kind : NULL));
    json_object_set_new(object, "text", text_or_null(found ? results->text : NULL));
    json_object_set_new(object, "effect", text_or_null(results->effect));
    json_object_set_new(object, "schedule", text_or_null(results->token));
    json_object_set_new(object, "effect_schedule", text_or_null(results->effect_token));
    json_object_set_new(object, "places", list_json(results->places, results->place_count, lines));
    json_object_set_new(object, "steps", list_json(results->events, results->event_count, lines));
    json_object_set_new(object, "schedules", json_integer((json_int_t)results->schedules));
    json_object_set_new(object, "given_up", json_integer((json_int_t)results->cut));
    json_object_set_new(object, "complete", json_boolean(results->complete));
    json_object_set_new(object, "out_of_time", json_boolean(results->timeout));
    json_object_set_new(object, "seconds", json_real(item->seconds));
    return object;
}

char *exploration_json(const char *const *names, const struct exploration *items, size_t count, struct lines *lines)
{
    json_t *root = json_object(), *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, item_json(names[i], &items[i], lines));
    json_object_set_new(root, "schema", json_string("lockstep/exploration/1"));
    json_object_set_new(root, "explorations", array);
    char *raw = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(root);
    char *text = text_format("%s\n", raw != NULL ? raw : "{}");
    free(raw);
    return text;
}
