// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all JSON of ours has in common: how it is asked for, and its simple values.
 */
#include "mpctl.h"

int json_wish_option(int opt, struct json_wish *wish)
{
	if (opt == 'p')
		wish->format = JSON_C_TO_STRING_PRETTY;
	else if (opt != 'j')
		return usage();
	wish->asked = true;
	return EXIT_OK;
}

void json_add_string(struct json_object *obj, const char *key,
		     const char *value)
{
	json_object_object_add(obj, key,
			       value ? json_object_new_string(value) : NULL);
}

void json_add_flag(struct json_object *obj, const char *key, bool value)
{
	json_object_object_add(obj, key, json_object_new_boolean(value));
}
