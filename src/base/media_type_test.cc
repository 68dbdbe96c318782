#include "base/media_type.h"

#include <string>

#include <gtest/gtest.h>

namespace perdure {
namespace {

using std::string_literals::operator""s;

std::string type_name(const std::string& bytes) {
  const std::optional<MediaType> type = media_type_of(bytes);
  return type ? std::string(type->name) + (type->is_video ? " video" : "") : "";
}

TEST(MediaType, is_what_the_bytes_begin_with) {
  const std::pair<std::string, std::string> kFiles[] = {
      {"\x89PNG\r\n\x1a\n....", "image/png"},
      {"\xff\xd8\xff\xe0", "image/jpeg"},
      {"GIF89a", "image/gif"},
      {"GIF87a", "image/gif"},
      {"RIFF....WEBPVP8 ", "image/webp"},
      {"RIFF....AVI LIST", "video/x-msvideo video"},
      {"RIFF....WAVEfmt ", ""},
      {"\0\0\0\x18"
       "ftypisom"s,
       "video/mp4 video"},
      {"\0\0\0\x18"
       "ftypmp42"s,
       "video/mp4 video"},
      {"\0\0\0\x18"
       "ftypqt  "s,
       "video/quicktime video"},
      {"\0\0\0\x18"
       "ftyp3gp4"s,
       "video/3gpp video"},
      {"\0\0\0\x18"
       "ftypheic"s,
       ""},
      {"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video/webm video"},
      {"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", ""},
      {"\0\0\x01\xba\x44"s, "video/mpeg video"},
      {"FLV\x01\x05", "video/x-flv video"},
      {"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv video"},
      {"<html>", ""},
      {"\x89PN", ""},
      {"", ""}};
  for (const auto& [bytes, name] : kFiles) EXPECT_EQ(type_name(bytes), name) << bytes;
}

TEST(MediaType, is_known_by_its_name) {
  EXPECT_FALSE(media_type_named("image/webp")->is_video);
  EXPECT_TRUE(media_type_named("video/webm")->is_video);
  EXPECT_TRUE(media_type_named("video/mp4")->is_video);
  EXPECT_FALSE(media_type_named("image/svg+xml"));
  EXPECT_FALSE(media_type_named(""));
}

std::string size_text(const std::string& bytes) {
  const std::optional<ImageSize> size = image_size(bytes);
  return size ? std::to_string(size->width) + "x" + std::to_string(size->height) : "none";
}

TEST(MediaType, knows_the_size_of_an_image) {
  const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x03\0\x08"s;
  EXPECT_EQ(size_text(png), "1024x768");
  EXPECT_EQ(size_text("GIF89a\x10\x01\x20\0"s), "272x32");
  // A segment before the frame, fill bytes before its marker.
  const std::string jpeg = "\xff\xd8\xff\xe0\0\x04..\xff\xff\xc2\0\x11\x08\0\x64\x01\x2c\x03"s;
  EXPECT_EQ(size_text(jpeg), "300x100");
  const std::string riff = "RIFF\0\0\0\0WEBP"s;
  EXPECT_EQ(size_text(riff + "VP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0"s), "16x32");
  EXPECT_EQ(size_text(riff + "VP8L\x0a\0\0\0\x2f\x0f\xc0\x07\0....."s), "16x32");
  EXPECT_EQ(size_text(riff + "VP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x10\0\x20\0"s), "16x32");
}

TEST(MediaType, knows_no_size_of_what_is_cut) {
  EXPECT_EQ(size_text("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04"s), "none");
  EXPECT_EQ(size_text("\xff\xd8\xff\xe0\0\x04.."s), "none");
  EXPECT_EQ(size_text("\xff\xd8\xff\xe0\xff\xff\xff\xff\xff\xff"s), "none") << "never a frame";
  EXPECT_EQ(size_text("GIF89a\x10"s), "none");
  EXPECT_EQ(size_text("GIF89a\0\0\0\0"s), "none") << "no pixel";
  EXPECT_EQ(size_text("RIFF....WEBPVP8X"s), "none");
  EXPECT_EQ(size_text("\0\0\0\x18"
                      "ftypisom"s),
            "none")
      << "a video";
}

TEST(MediaType, says_what_else_a_file_is) {
  EXPECT_EQ(other_type_of("%PDF-1.7"), "PDF");
  EXPECT_EQ(other_type_of("\0\0\0\x18"
                          "ftypheic"s),
            "HEIC");
  EXPECT_EQ(other_type_of("<svg xmlns"), "SVG");
  EXPECT_EQ(other_type_of("hello"), "");
}

}  // namespace
}  // namespace perdure
