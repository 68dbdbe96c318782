#include "net/curl_library.h"

#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>

namespace perdure {
namespace {

[[noreturn]] void fail_to_load() {
  std::fprintf(stderr,
               "perdure: libcurl cannot be loaded: %s\n  do: install the package libcurl4\n",
               ::dlerror());
  std::exit(1);
}

template <class Function>
void find(void* library, Function& function, const char* name) {
  void* symbol = ::dlsym(library, name);
  if (symbol == nullptr) fail_to_load();
  function = reinterpret_cast<Function>(symbol);
}

CurlLibrary load() {
  // Kept for the life of the process: TLS libraries do not like to be unloaded.
  void* library = ::dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) fail_to_load();
  CurlLibrary curl{};
  find(library, curl.global_init, "curl_global_init");
  find(library, curl.easy_init, "curl_easy_init");
  find(library, curl.easy_setopt, "curl_easy_setopt");
  find(library, curl.easy_getinfo, "curl_easy_getinfo");
  find(library, curl.easy_reset, "curl_easy_reset");
  find(library, curl.easy_cleanup, "curl_easy_cleanup");
  find(library, curl.easy_strerror, "curl_easy_strerror");
  find(library, curl.multi_init, "curl_multi_init");
  find(library, curl.multi_setopt, "curl_multi_setopt");
  find(library, curl.multi_add_handle, "curl_multi_add_handle");
  find(library, curl.multi_remove_handle, "curl_multi_remove_handle");
  find(library, curl.multi_socket_action, "curl_multi_socket_action");
  find(library, curl.multi_info_read, "curl_multi_info_read");
  find(library, curl.multi_cleanup, "curl_multi_cleanup");
  find(library, curl.slist_append, "curl_slist_append");
  find(library, curl.slist_free_all, "curl_slist_free_all");
  find(library, curl.getdate, "curl_getdate");
  curl.global_init(CURL_GLOBAL_DEFAULT);
  return curl;
}

}  // namespace

const CurlLibrary& CurlLibrary::get() {
  static const CurlLibrary library = load();
  return library;
}

}  // namespace perdure
