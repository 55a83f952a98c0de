// JSON as the conformance runner needs it: numbers are kept as they are written, so none of their
// 64 bits is lost, and texts have a length, so they may hold NUL. (The usual C parsers make doubles
// of the one or end the other early.) Nodes live until the program ends or json_free is called.

#ifndef CRM_TEST_JSON_H
#define CRM_TEST_JSON_H

#include "assert.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_kind kind;
    // The digits of a number, the content of a text; a NUL that is not counted follows.
    char *text;
    size_t len;
    // What an array or an object holds, in order; an item of an object has a key.
    struct json **items;
    size_t count;
    char *key;
    size_t key_len;
};

// A text that grows.
struct writer {
    char *text;
    size_t len, room;
};

static inline void write_bytes(struct writer *writer, const char *bytes, size_t len) {
    if (writer->len + len + 1 > writer->room) {
        writer->room = 2 * (writer->len + len + 1);
        writer->text = (char *)realloc(writer->text, writer->room);
        ASSERT(writer->text != NULL);
    }
    memcpy(writer->text + writer->len, bytes, len);
    writer->len += len;
    writer->text[writer->len] = '\0';
}

static inline void write_text(struct writer *writer, const char *text) {
    write_bytes(writer, text, strlen(text));
}

static inline struct json *json_new(enum json_kind kind) {
    struct json *json = (struct json *)calloc(1, sizeof *json);
    ASSERT(json != NULL);
    json->kind = kind;
    return json;
}

static inline struct json *json_text(const char *text, size_t len) {
    struct json *json = json_new(JSON_TEXT);
    struct writer writer = {NULL, 0, 0};
    write_bytes(&writer, text, len);
    json->text = writer.text;
    json->len = writer.len;
    return json;
}

static inline void json_free(struct json *json) {
    if (json == NULL) {
        return;
    }
    for (size_t i = 0; i < json->count; i++) {
        json_free(json->items[i]);
    }
    free(json->items);
    free(json->text);
    free(json->key);
    free(json);
}

static inline void json_add(struct json *parent, const char *key, size_t key_len,
                            struct json *item) {
    parent->items =
        (struct json **)realloc(parent->items, (parent->count + 1) * sizeof *parent->items);
    ASSERT(parent->items != NULL);
    if (key != NULL) {
        struct writer writer = {NULL, 0, 0};
        write_bytes(&writer, key, key_len);
        item->key = writer.text;
        item->key_len = writer.len;
    }
    parent->items[parent->count++] = item;
}

static inline int same_text(const char *one, size_t one_len, const char *other, size_t other_len) {
    return one_len == other_len && memcmp(one, other, one_len) == 0;
}

// The item of an object under `key`, or NULL.
static inline struct json *json_find(const struct json *json, const char *key, size_t key_len) {
    for (size_t i = 0; json->kind == JSON_OBJECT && i < json->count; i++) {
        if (same_text(json->items[i]->key, json->items[i]->key_len, key, key_len)) {
            return json->items[i];
        }
    }
    return NULL;
}

static inline struct json *json_get(const struct json *json, const char *key) {
    return json_find(json, key, strlen(key));
}

static inline int json_is(const struct json *json, const char *text) {
    return json->kind == JSON_TEXT && same_text(json->text, json->len, text, strlen(text));
}

// Reading. What is not JSON ends the program: both files and results are ours.

static inline void skip_space(const char **at) {
    *at += strspn(*at, " \t\r\n");
}

static inline void write_code_point(struct writer *writer, unsigned long point) {
    char bytes[4];
    if (point < 0x80) {
        bytes[0] = (char)point;
        write_bytes(writer, bytes, 1);
    } else if (point < 0x800) {
        bytes[0] = (char)(0xC0 | point >> 6);
        bytes[1] = (char)(0x80 | (point & 0x3F));
        write_bytes(writer, bytes, 2);
    } else if (point < 0x10000) {
        bytes[0] = (char)(0xE0 | point >> 12);
        bytes[1] = (char)(0x80 | (point >> 6 & 0x3F));
        bytes[2] = (char)(0x80 | (point & 0x3F));
        write_bytes(writer, bytes, 3);
    } else {
        bytes[0] = (char)(0xF0 | point >> 18);
        bytes[1] = (char)(0x80 | (point >> 12 & 0x3F));
        bytes[2] = (char)(0x80 | (point >> 6 & 0x3F));
        bytes[3] = (char)(0x80 | (point & 0x3F));
        write_bytes(writer, bytes, 4);
    }
}

static inline unsigned long read_hex(const char **at) {
    char digits[5] = {0};
    char *end;
    memcpy(digits, *at, 4);
    unsigned long number = strtoul(digits, &end, 16);
    ASSERT(end == digits + 4);
    *at += 4;
    return number;
}

static inline void read_escape(const char **at, struct writer *writer) {
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char name = *(*at)++;
    if (name != 'u') {
        const char *place = strchr(names, name);
        ASSERT(name != '\0' && place != NULL);
        write_bytes(writer, meanings + (place - names), 1);
        return;
    }
    unsigned long point = read_hex(at);
    if (point >= 0xD800 && point < 0xDC00) {
        ASSERT((*at)[0] == '\\' && (*at)[1] == 'u');
        *at += 2;
        point = 0x10000 + ((point - 0xD800) << 10) + (read_hex(at) - 0xDC00);
    }
    write_code_point(writer, point);
}

static inline struct writer read_text(const char **at) {
    struct writer writer = {NULL, 0, 0};
    write_bytes(&writer, "", 0);
    ASSERT(*(*at)++ == '"');
    while (**at != '"') {
        size_t plain = strcspn(*at, "\"\\");
        write_bytes(&writer, *at, plain);
        *at += plain;
        ASSERT(**at != '\0');
        if (**at == '\\') {
            (*at)++;
            read_escape(at, &writer);
        }
    }
    (*at)++;
    return writer;
}

static inline struct json *read_value(const char **at);

static inline struct json *read_items(const char **at, enum json_kind kind, char end) {
    struct json *json = json_new(kind);
    (*at)++;
    skip_space(at);
    while (**at != end) {
        struct writer key = {NULL, 0, 0};
        if (kind == JSON_OBJECT) {
            key = read_text(at);
            skip_space(at);
            ASSERT(*(*at)++ == ':');
        }
        json_add(json, key.text, key.len, read_value(at));
        free(key.text);
        skip_space(at);
        if (**at == ',') {
            (*at)++;
            skip_space(at);
            ASSERT(**at != end);
        } else {
            ASSERT(**at == end);
        }
    }
    (*at)++;
    return json;
}

static inline struct json *read_word(const char **at, const char *word, enum json_kind kind) {
    ASSERT(strncmp(*at, word, strlen(word)) == 0);
    *at += strlen(word);
    return json_new(kind);
}

static inline struct json *read_value(const char **at) {
    skip_space(at);
    switch (**at) {
    case '{': return read_items(at, JSON_OBJECT, '}');
    case '[': return read_items(at, JSON_ARRAY, ']');
    case 't': return read_word(at, "true", JSON_TRUE);
    case 'f': return read_word(at, "false", JSON_FALSE);
    case 'n': return read_word(at, "null", JSON_NULL);
    case '"': {
        struct json *json = json_new(JSON_TEXT);
        struct writer text = read_text(at);
        json->text = text.text;
        json->len = text.len;
        return json;
    }
    default: {
        size_t len = strspn(*at, "+-.0123456789eE");
        ASSERT(len > 0);
        struct json *json = json_text(*at, len);
        json->kind = JSON_NUMBER;
        *at += len;
        return json;
    }
    }
}

static inline struct json *json_read(const char *text) {
    struct json *json = read_value(&text);
    skip_space(&text);
    ASSERT(*text == '\0');
    return json;
}

// Writing.

static inline void write_quoted(struct writer *writer, const char *text, size_t len) {
    write_text(writer, "\"");
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", byte);
            write_text(writer, escape);
        } else {
            write_bytes(writer, text + i, 1);
        }
    }
    write_text(writer, "\"");
}

static inline void json_write(struct writer *writer, const struct json *json) {
    switch (json->kind) {
    case JSON_NULL: write_text(writer, "null"); break;
    case JSON_FALSE: write_text(writer, "false"); break;
    case JSON_TRUE: write_text(writer, "true"); break;
    case JSON_NUMBER: write_bytes(writer, json->text, json->len); break;
    case JSON_TEXT: write_quoted(writer, json->text, json->len); break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        write_text(writer, json->kind == JSON_ARRAY ? "[" : "{");
        for (size_t i = 0; i < json->count; i++) {
            if (i > 0) {
                write_text(writer, ",");
            }
            if (json->kind == JSON_OBJECT) {
                write_quoted(writer, json->items[i]->key, json->items[i]->key_len);
                write_text(writer, ":");
            }
            json_write(writer, json->items[i]);
        }
        write_text(writer, json->kind == JSON_ARRAY ? "]" : "}");
    }
}

static inline struct json *json_copy(const struct json *json) {
    struct writer writer = {NULL, 0, 0};
    json_write(&writer, json);
    struct json *copy = json_read(writer.text);
    free(writer.text);
    return copy;
}

#endif
