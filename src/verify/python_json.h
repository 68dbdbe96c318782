// JSON text as Python's json.dumps(value, sort_keys=True, ensure_ascii=False) writes it: the result
// format of the K2 Vendor Verifier names a request by the hash of this text, so that results of
// either program can be told apart and gone on with.
#pragma once

#include <string>

#include <perdure/json.h>

namespace perdure::verify {

std::string python_json(const Json& value);

}  // namespace perdure::verify
