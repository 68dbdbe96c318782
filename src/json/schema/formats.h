// The values of `format` that can be checked (validation, section 7.3). Only strings have formats
// here.
#pragma once

#include <string_view>

namespace perdure::json_schema {

struct Format {
  std::string_view name;
  bool (*is_valid)(std::string_view text);
  std::string_view example;  ///< For messages; may be empty.
};

/// Null for a format that is not known: such a format never fails.
const Format* find_format(std::string_view name);

// The checks, by the document that defines each. All take any bytes.

bool is_date(std::string_view text);       // RFC 3339, section 5.6
bool is_time(std::string_view text);       // the same
bool is_date_time(std::string_view text);  // the same
bool is_duration(std::string_view text);   // RFC 3339, appendix A

bool is_ipv4(std::string_view text);      // RFC 2673, section 3.2
bool is_ipv6(std::string_view text);      // RFC 4291, section 2.2
bool is_hostname(std::string_view text);  // RFC 1123, section 2.1, with the A-labels of RFC 5890
bool is_idn_hostname(std::string_view text);  // RFC 5890, section 2.3.2.3
bool is_email(std::string_view text);         // RFC 5321, section 4.1.2
bool is_idn_email(std::string_view text);     // RFC 6531, section 3.3

bool is_uri(std::string_view text);            // RFC 3986
bool is_uri_reference(std::string_view text);  // RFC 3986
bool is_iri(std::string_view text);            // RFC 3987
bool is_iri_reference(std::string_view text);  // RFC 3987
bool is_uri_template(std::string_view text);   // RFC 6570

bool is_uuid(std::string_view text);                   // RFC 4122, section 3
bool is_json_pointer(std::string_view text);           // RFC 6901, section 5
bool is_relative_json_pointer(std::string_view text);  // draft-bhutton-relative-json-pointer-00
bool is_regex(std::string_view text);                  // ECMA-262

}  // namespace perdure::json_schema
