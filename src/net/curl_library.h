// libcurl, loaded when it is first needed instead of with the program. Debian's libcurl brings 33
// other libraries (LDAP, Kerberos, RTMP, ...), and loading them takes longer than everything else
// that a start does; so a thread of its own loads it while the others read configuration and open
// the journal. Commands that ask no host never load it.
#pragma once

#include <curl/curl.h>

namespace perdure {

/// The functions of libcurl that are used, by their names without "curl_".
struct CurlLibrary {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_socket_action) multi_socket_action;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_getdate) getdate;

  /// Loads and initialises it at the first call; ends the program when this system has none. Any
  /// thread.
  static const CurlLibrary& get();
};

}  // namespace perdure
