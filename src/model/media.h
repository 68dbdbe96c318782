// Images and videos in messages. A message of a run names a stored file where its data belongs,
//
//   {"type":"image_url","image_url":{"url":"data:image/png;base64,blob:HASH"}}
//
// behind a text part that says what it is ("[image photo.png 120 KB]"). So events and histories
// stay small, in every dialect; the bytes are put in when a request goes out
// (model/media_writer.h). An endpoint that does not see them, or does not take them so, gets a note
// instead. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/history.h"

namespace perdure {

/// An image or video of a message.
struct MediaPart {
  bool is_video = false;
  std::string label;  ///< "[image photo.png 120 KB]"
  std::string url;    ///< An http address, or media_reference().
};

/// The address of a stored file: "data:image/png;base64,blob:HASH".
std::string media_reference(std::string_view type, std::string_view blob);

/// {"role":"user","content":[TEXT, then each part behind its label]}
std::string media_message(std::string_view text, const std::vector<MediaPart>& parts);

/// Where a message, in the chat form or as blocks, names a stored file.
struct MediaReference {
  std::string_view span;  ///< What the data or the address of an upload stands for.
  std::string_view type;  ///< "image/png"
  std::string_view blob;
  bool is_block = false;  ///< Of Anthropic's dialect: the span is all members of the source.
};

/// In their order. `message` is of a user, as this program writes it.
std::vector<MediaReference> media_references(std::string_view message);

/// Those of a user's message that the endpoint is not sent: labels with the reason.
std::vector<std::string> left_out_media(std::string_view message, const HistoryDialect& dialect,
                                        const std::set<std::string>& refused);

/// The message with notes for them.
std::string with_media_notes(std::string_view message, const HistoryDialect& dialect,
                             const std::set<std::string>& refused);

/// Blobs that the host in use refused.
std::set<std::string> refused_media(const Run& run);

/// Tokens of an image, by a table: one for each 28 by 28 pixels, as vision encoders of these models
/// have them, with a floor and a cap. Hosts count differently; what they bill counts afterwards.
std::int64_t image_tokens(std::int64_t width, std::int64_t height);
/// Of a video, by its bytes: nobody but the host looks into it.
std::int64_t video_tokens(std::int64_t bytes);

}  // namespace perdure
