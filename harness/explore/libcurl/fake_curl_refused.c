/*
 * fake_curl_refused.c: functions of libcurl that fetching a page does not need: named, so that a hand-in that calls one
 * is not explored instead of not linked. Without curl.h: what they take does not matter.
 */
#include "scenario.h"

#define REFUSED(name)                                                                                                  \
    void name(void);                                                                                                   \
    void name(void)                                                                                                    \
    {                                                                                                                  \
        scenario_unsupported(#name);                                                                                   \
    }

REFUSED(curl_easy_header)
REFUSED(curl_easy_nextheader)
REFUSED(curl_easy_option_by_id)
REFUSED(curl_easy_option_by_name)
REFUSED(curl_easy_option_next)
REFUSED(curl_easy_pause)
REFUSED(curl_easy_recv)
REFUSED(curl_easy_send)
REFUSED(curl_easy_upkeep)
REFUSED(curl_formadd)
REFUSED(curl_formfree)
REFUSED(curl_formget)
REFUSED(curl_getdate)
REFUSED(curl_getenv)
REFUSED(curl_maprintf)
REFUSED(curl_mfprintf)
REFUSED(curl_mime_addpart)
REFUSED(curl_mime_data)
REFUSED(curl_mime_data_cb)
REFUSED(curl_mime_encoder)
REFUSED(curl_mime_filedata)
REFUSED(curl_mime_filename)
REFUSED(curl_mime_free)
REFUSED(curl_mime_headers)
REFUSED(curl_mime_init)
REFUSED(curl_mime_name)
REFUSED(curl_mime_subparts)
REFUSED(curl_mime_type)
REFUSED(curl_mprintf)
REFUSED(curl_msnprintf)
REFUSED(curl_msprintf)
REFUSED(curl_multi_assign)
REFUSED(curl_multi_fdset)
REFUSED(curl_multi_socket)
REFUSED(curl_multi_socket_action)
REFUSED(curl_multi_socket_all)
REFUSED(curl_mvaprintf)
REFUSED(curl_mvfprintf)
REFUSED(curl_mvprintf)
REFUSED(curl_mvsnprintf)
REFUSED(curl_mvsprintf)
REFUSED(curl_pushheader_byname)
REFUSED(curl_pushheader_bynum)
REFUSED(curl_ws_meta)
REFUSED(curl_ws_recv)
REFUSED(curl_ws_send)
