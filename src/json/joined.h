// Two objects of JSON text as one, without a change to what they hold.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace perdure::json {

/// The members of both, those of `first` before the others. Of a member that both have, the second
/// text or array stands behind the first when the member is one of `joined`; else the first counts.
/// Both are compact: nothing stands between their tokens.
std::string joined(std::string_view first, std::string_view second,
                   const std::set<std::string, std::less<>>& joined);

}  // namespace perdure::json
