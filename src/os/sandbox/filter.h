// The filter of system calls that holds in the box: what is not known to be harmless is denied.
#pragma once

#include <string>

#include <perdure/result.h>

namespace perdure {

/// Two filters for seccomp, one behind the other, each as a count (32 bits) and as many struct
/// sock_filter; both are to be loaded, in this order. `has_internet` allows sockets of the internet
/// families; without it there are unix sockets only.
Result<std::string> system_call_filters(bool has_internet);

}  // namespace perdure
