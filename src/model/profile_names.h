// The words of the profile files for what is one of a few: for reading them and for writing them.
#pragma once

#include <string_view>

#include "base/names.h"
#include "model/profile.h"

namespace perdure {

inline constexpr NameTable<ForcedChoice, 4> kForcedNames = {{
    {ForcedChoice::kNever, "never"},
    {ForcedChoice::kThinkingOff, "thinking_off"},
    {ForcedChoice::kRequiredOnly, "required_only"},
    {ForcedChoice::kAlways, "always"},
}};

inline constexpr NameTable<EmptyContent, 3> kEmptyContentNames = {{
    {EmptyContent::kOmit, "omit"},
    {EmptyContent::kNull, "null"},
    {EmptyContent::kKeep, "keep"},
}};

inline constexpr NameTable<SchemaDialect, 2> kSchemaNames = {{
    {SchemaDialect::kPlain, "plain"},
    {SchemaDialect::kMfjs, "mfjs"},
}};

inline constexpr NameTable<Dialect, 2> kDialectNames = {{
    {Dialect::kChat, "chat"},
    {Dialect::kAnthropic, "anthropic"},
}};

inline constexpr NameTable<CallIds, 3> kCallIdNames = {{
    {CallIds::kAny, "any"},
    {CallIds::kNumbered, "numbered"},
    {CallIds::kPlain, "plain"},
}};

inline constexpr NameTable<KeyHeader, 2> kKeyHeaderNames = {{
    {KeyHeader::kBearer, "bearer"},
    {KeyHeader::kXApiKey, "x-api-key"},
}};

}  // namespace perdure
