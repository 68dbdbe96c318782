#include "mock/files.h"

#include <gtest/gtest.h>

namespace perdure::mock {
namespace {

ReceivedRequest upload(const std::string& purpose, const std::string& bytes,
                       const std::string& boundary = "b") {
  return {
      .method = "POST",
      .path = "/v1/files",
      .headers = {{"content-type", "multipart/form-data; boundary=" + boundary}},
      .body = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n" + purpose +
              "\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n" +
              bytes + "\r\n--b--\r\n"};
}

std::string refusal_of(const ReceivedRequest& request) {
  Files files;
  std::string answer;
  const std::optional<Refusal> refusal = files.add(request, answer);
  EXPECT_EQ(refusal.has_value(), answer.empty());
  return refusal ? refusal->message : "";
}

TEST(MockFiles, keeps_what_is_uploaded) {
  Files files;
  std::string first;
  std::string second;
  EXPECT_FALSE(files.add(upload("video", "....ftypisom\r\n\r\n--"), first));
  EXPECT_FALSE(files.add(upload("image", "GIF89a"), second));
  EXPECT_EQ(first,
            R"({"id":"file-0001","object":"file","bytes":18,"created_at":0,"purpose":"video",)"
            R"("status":"ready"})");
  EXPECT_EQ(files.find("file-0001"), true);
  EXPECT_EQ(files.find("file-0002"), false);
  EXPECT_EQ(files.find("file-0003"), std::nullopt);
  EXPECT_EQ(medium_problem("ms://file-0001", true, &files), "");
  EXPECT_EQ(medium_problem("ms://file-0001", false, &files),
            "the file \"ms://file-0001\" is of another kind");
  EXPECT_EQ(medium_problem("ms://file-0003", true, &files),
            "no file \"ms://file-0003\" was uploaded");
  EXPECT_EQ(medium_problem("ms://file-0003", true, nullptr), "");
}

TEST(MockFiles, refuses_what_is_no_upload) {
  const std::pair<ReceivedRequest, std::string> kCases[] = {
      {upload("file-extract", "GIF89a"),
       "Invalid request: Invalid purpose: \"file-extract\", image and video are accepted"},
      {upload("video", "GIF89a"), "Invalid request: the file is no video"},
      {upload("image", "text"), "Invalid request: the file is no image"},
      {upload("image", ""), "Invalid request: file size is zero"},
      {upload("image", "GIF89a", "c"),
       "Invalid request: a multipart form with the fields file and purpose is needed"},
      {{.body = "{}"},
       "Invalid request: a multipart form with the fields file and purpose is needed"}};
  for (const auto& [request, message] : kCases) EXPECT_EQ(refusal_of(request), message);
}

}  // namespace
}  // namespace perdure::mock
