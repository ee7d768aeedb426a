/* test_formats_junit.c: JUnit's XML against junit.xsd, and what is in it after an XML parser has read it. */
#include <criterion/criterion.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlschemas.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"
#include "test_formats_report.h"

static void check_schema(xmlDocPtr document)
{
    const char *root = getenv("LOCKSTEP_ROOT");
    char *path = text_format("%s/grader/tests/junit.xsd", root != NULL ? root : ".");
    xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt(path);
    xmlSchemaPtr schema = xmlSchemaParse(parser);
    cr_assert_not_null(schema, "cannot read %s", path);
    xmlSchemaValidCtxtPtr validator = xmlSchemaNewValidCtxt(schema);
    cr_expect_eq(xmlSchemaValidateDoc(validator, document), 0, "it is not what junit.xsd says");
    xmlSchemaFreeValidCtxt(validator);
    xmlSchemaFree(schema);
    xmlSchemaFreeParserCtxt(parser);
    free(path);
}

static xmlDocPtr parse(const struct report *report)
{
    char *text = made("junit", report);
    cr_expect_null(strstr(text, "]]>"));
    cr_expect_null(strchr(text, '\033'));
    xmlDocPtr document = xmlReadMemory(text, (int)strlen(text), "report.xml", NULL, XML_PARSE_NONET | XML_PARSE_HUGE);
    cr_assert_not_null(document, "it is no XML");
    check_schema(document);
    free(text);
    return document;
}

static xmlNodePtr find(xmlNodePtr node, const char *element, const char *name)
{
    for (; node != NULL; node = node->next) {
        xmlChar *found = node->type == XML_ELEMENT_NODE ? xmlGetProp(node, BAD_CAST "name") : NULL;
        const bool same = node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, element) == 0 &&
                          (name == NULL || (found != NULL && strcmp((const char *)found, name) == 0));
        xmlFree(found);
        xmlNodePtr inside = same ? node : find(node->children, element, name);
        if (inside != NULL)
            return inside;
    }
    return NULL;
}

static void expect_attribute(xmlNodePtr node, const char *name, const char *wanted)
{
    xmlChar *value = xmlGetProp(node, BAD_CAST name);
    cr_assert_not_null(value);
    cr_expect_str_eq((const char *)value, wanted);
    xmlFree(value);
}

Test(formats, junit)
{
    struct report report = sample_report();
    xmlDocPtr document = parse(&report);
    xmlNodePtr suite = find(document->children, "testsuite", NULL);
    expect_attribute(suite, "tests", "5");
    expect_attribute(suite, "failures", "2");
    expect_attribute(suite, "errors", "0");
    expect_attribute(suite, "skipped", "1");
    expect_attribute(find(suite, "property", "score"), "value", "39");
    xmlNodePtr failure = find(find(suite, "testcase", "tests")->children, "failure", NULL);
    expect_attribute(failure, "type", "FAILED");
    xmlChar *text = xmlNodeGetContent(failure), *message = xmlGetProp(failure, BAD_CAST "message");
    cr_expect_not_null(strstr((const char *)text, "finding 0"));
    cr_expect_not_null(strstr((const char *)text, "학학학"));
    cr_expect_not_null(strstr((const char *)message, "]]></failure><script>"), "the text is not kept as it was");
    cr_expect_null(find(suite, "script", NULL), "a hand-in wrote an element");
    xmlFree(text);
    xmlFree(message);
    xmlFreeDoc(document);
    report_release(&report);
}

Test(formats, junit_calls_our_fault_an_error)
{
    struct report report = sample_error();
    xmlDocPtr document = parse(&report);
    xmlNodePtr suite = find(document->children, "testsuite", NULL);
    expect_attribute(suite, "errors", "1");
    cr_expect_null(find(suite, "property", "score"));
    cr_expect_not_null(find(suite, "property", "no_mark"));
    xmlFreeDoc(document);
    report_release(&report);
}
