// What a reply looks like, beside what it says: where its usage stood, under which name its
// reasoning came, what its ids are like. Hosts differ in it and keep it for months, so a profile
// can say what was seen once, and a reply that contradicts it is worth a line. Plain values.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdure {

struct AssembledCall;
struct HostProfile;

struct ReplyShape {
  bool is_stream = false;
  bool has_end_marker = false;  ///< "data: [DONE]" came.
  bool has_leak = false;  ///< Calls, or a part of one, stood in the text in the model's own tokens.
  std::string reasoning;  ///< Names under which it came, with a + between; empty for none.
  std::string usage;      ///< "choice", "x_groq", "top", with a + between; empty for none.
  std::string call_ids;   ///< Their form, as form_of_id() names it; "mixed"; empty without calls.
};

/// The names of what is there, with a + between.
std::string joined(std::initializer_list<std::pair<std::string_view, bool>> names);

/// "functions.NAME:N", "NAME:N", "call_*", "number", "none" or "other".
std::string_view form_of_id(std::string_view id, std::string_view name);
/// The form that all have, or "mixed"; empty without calls.
std::string form_of_ids(const std::vector<AssembledCall>& calls);

/// Something that a profile says was seen, and that a reply contradicts.
struct HostDifference {
  std::string fact;  ///< "call_ids", "reasoning", "usage".
  std::string expected;
  std::string seen;
};

/// What of a reply contradicts the facts of the profile. A fact of another model is none of this
/// one; what a reply lacks altogether (it may have had nothing to think about) contradicts nothing,
/// but a reply without usage does.
std::vector<HostDifference> differences(const HostProfile& host, const std::string& wire_model,
                                        const ReplyShape& shape);

}  // namespace perdure
