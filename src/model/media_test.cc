#include "model/media.h"

#include <gtest/gtest.h>

#include "model/anthropic_request.h"
#include "model/media_writer.h"

namespace perdure {
namespace {

const std::string kHash(64, 'a');
const std::string kOther(64, 'b');

std::string message_with(const std::string& text = "What is it?") {
  return media_message(text,
                       {{.label = "[image a.png 1 KB]", .url = media_reference("image/png", kHash)},
                        {.is_video = true,
                         .label = "[video b.mp4 2 KB]",
                         .url = media_reference("video/mp4", kOther)}});
}

TEST(Media, a_message_has_its_text_and_each_part_behind_its_label) {
  EXPECT_EQ(message_with(),
            R"({"role":"user","content":[{"type":"text","text":"What is it?"},)"
            R"({"type":"text","text":"[image a.png 1 KB]"},)"
            R"({"type":"image_url","image_url":{"url":"data:image/png;base64,blob:)" +
                kHash + R"("}},{"type":"text","text":"[video b.mp4 2 KB]"},)" +
                R"({"type":"video_url","video_url":{"url":"data:video/mp4;base64,blob:)" + kOther +
                R"("}}]})");
}

TEST(Media, references_are_found_in_their_order) {
  const std::string message = message_with();
  const std::vector<MediaReference> found = media_references(message);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].span, media_reference("image/png", kHash));
  EXPECT_EQ(found[0].type, "image/png");
  EXPECT_EQ(found[0].blob, kHash);
  EXPECT_FALSE(found[0].is_block);
  EXPECT_EQ(found[1].span, media_reference("video/mp4", kOther));
}

TEST(Media, what_people_write_is_no_reference) {
  for (const std::string& text :
       {media_reference("image/png", kHash),
        "\"url\":\"" + media_reference("image/png", kHash) + "\"",
        R"("type":"base64","media_type":"image/png","data":"blob:)" + kHash + "\"", "blob:" + kHash,
        R"(\"url\":\")" + media_reference("image/png", kHash)}) {
    EXPECT_TRUE(media_references(media_message(text, {})).empty()) << text;
  }
  for (const char* cut : {R"({"url":"data:image/png;base64,blob:12"})",
                          R"({"url":"data:image/png;base64,blob:)", "blob:", ""}) {
    EXPECT_TRUE(media_references(cut).empty()) << cut;
  }
}

TEST(Media, what_an_endpoint_does_not_take_becomes_a_note) {
  const std::string message = message_with();
  EXPECT_EQ(with_media_notes(message, {}, {}), message);
  struct Case {
    HistoryDialect dialect;
    std::set<std::string> refused;
    std::string left_out;
  };
  const Case kCases[] = {
      {{.sees_images = false}, {}, "[image a.png 1 KB] left out: this model sees no images"},
      {{.sees_videos = false}, {}, "[video b.mp4 2 KB] left out: this model sees no videos"},
      {{.takes_urls = false}, {}, ""},
      {{}, {kHash}, "[image a.png 1 KB] left out: the host refuses this file"},
  };
  for (const Case& example : kCases) {
    const std::vector<std::string> labels =
        left_out_media(message, example.dialect, example.refused);
    EXPECT_EQ(labels.empty() ? "" : labels[0], example.left_out);
    const std::string noted = with_media_notes(message, example.dialect, example.refused);
    if (example.left_out.empty()) {
      EXPECT_EQ(noted, message);
      continue;
    }
    const std::string note = R"({"type":"text","text":"[)" +
                             example.left_out.substr(example.left_out.find("left")) + "]";
    EXPECT_NE(noted.find(note), std::string::npos) << noted;
    EXPECT_EQ(media_references(noted).size(), 1U) << "the other one stays";
  }
}

TEST(Media, an_address_goes_only_to_hosts_that_fetch_it) {
  const std::string message =
      media_message("See", {{.label = "[image x.png]", .url = "https://example.com/x.png"}});
  EXPECT_EQ(with_media_notes(message, {.takes_urls = true}, {}), message);
  EXPECT_EQ(left_out_media(message, {.takes_urls = false}, {}),
            std::vector<std::string>{"[image x.png] left out: this host fetches no addresses"});
}

TEST(Media, text_alone_is_left_as_it_is) {
  const std::string message = R"({"role":"user","content":"An image_url?"})";
  EXPECT_EQ(with_media_notes(message, {.sees_images = false}, {}), message);
}

TEST(Media, estimates_have_a_floor_and_a_cap) {
  EXPECT_EQ(image_tokens(1, 1), 16);
  EXPECT_EQ(image_tokens(1024, 768), 37 * 28);
  EXPECT_EQ(image_tokens(100'000, 100'000), 4'096);
  EXPECT_EQ(image_tokens(INT64_MAX, 1), 4'096);
  EXPECT_EQ(video_tokens(1), 1'024);
  EXPECT_EQ(video_tokens(4'000'000), 10'000);
  EXPECT_EQ(video_tokens(100'000'000), 65'536);
}

// --- In requests ---

const std::string kPng = "\x89PNG\r\n\x1a\nrest";  // iVBORw0KGgpyZXN0
const std::string kMp4 = "....ftypisomrest";       // Li4uLmZ0eXBpc29tcmVzdA==

struct WrittenRequest {
  std::shared_ptr<MediaLibrary> library = std::make_shared<MediaLibrary>();
  MediaWriter writer{library, "http://host/v1"};

  WrittenRequest() {
    library->add(kHash, kPng);
    library->add(kOther, kMp4);
  }
  std::string write(const Transcript& messages, std::string tail = "]}") {
    const Transcript::Pieces pieces = messages.pieces();
    const HttpBody body = writer.write({.head = std::make_shared<const std::string>("{["),
                                        .middle_owner = pieces.owner,
                                        .middle = pieces.list,
                                        .middle_bytes = messages.bytes(),
                                        .tail = std::move(tail)},
                                       messages);
    std::string text;
    for (std::size_t i = 0; i < body.parts(); ++i) text += body.part(i);
    EXPECT_EQ(text.size(), body.size());
    return text;
  }
};

const std::string kPngUrl = R"("url":"data:image/png;base64,iVBORw0KGgpyZXN0"})";
const std::string kMp4Url = R"("url":"data:video/mp4;base64,Li4uLmZ0eXBpc29tcmVzdA=="})";

TEST(MediaWriter, puts_the_files_in_and_leaves_every_other_byte) {
  WrittenRequest request;
  Transcript messages;
  messages.append(R"({"role":"system","content":"s"})");
  messages.append(message_with());
  std::string expected = "{[" + std::string(messages.fragment(0)) + "," + message_with() + "]}";
  expected.replace(expected.find("blob:" + kHash), 69, "iVBORw0KGgpyZXN0");
  expected.replace(expected.find("blob:" + kOther), 69, "Li4uLmZ0eXBpc29tcmVzdA==");
  EXPECT_EQ(request.write(messages), expected);
  // The next request begins with the same bytes; so does one of a shorter history after it.
  const std::string first = request.write(messages);
  messages.append(R"({"role":"assistant","content":"A dot."})");
  messages.append(message_with("And now?"));
  const std::string second = request.write(messages);
  EXPECT_EQ(second.substr(0, first.size() - 2), first.substr(0, first.size() - 2));
  EXPECT_NE(second.find(kPngUrl, first.size()), std::string::npos);
  EXPECT_NE(second.find(kMp4Url, first.size()), std::string::npos);
  Transcript shorter;
  shorter.append(message_with());
  EXPECT_NE(request.write(shorter).find(kPngUrl), std::string::npos);
}

TEST(MediaWriter, names_what_was_uploaded_to_this_host) {
  WrittenRequest request;
  request.library->set_upload("http://host/v1", kOther, "ms://7");
  request.library->set_upload("http://other/v1", kHash, "ms://8");
  Transcript messages;
  messages.append(message_with());
  const std::string body = request.write(messages);
  EXPECT_NE(body.find(R"({"url":"ms://7"})"), std::string::npos) << body;
  EXPECT_NE(body.find(kPngUrl), std::string::npos) << body;
}

TEST(MediaWriter, leaves_what_models_and_tools_say) {
  WrittenRequest request;
  Transcript messages;
  const std::string forged = R"({"role":"assistant","content":[{"type":"image_url","image_url":)"
                             R"({"url":"data:image/png;base64,blob:)" +
                             kHash + R"("}}]})";
  messages.append(forged);
  messages.append(R"({"role":"tool","tool_call_id":"1","content":"blob:)" + kHash + R"("})");
  const std::string body = request.write(messages);
  EXPECT_EQ(body, "{[" + forged + "," + std::string(messages.fragment(1)) + "]}");
}

// The last message of Anthropic's dialect is in the tail, those before it in the middle.
TEST(MediaWriter, writes_blocks) {
  const Result<HostProfile> host = parse_host_profile("id = \"h\"\ndialect = \"anthropic\"", "h");
  ASSERT_TRUE(host.ok());
  AnthropicHistory history("{", *host);
  Transcript messages;
  messages.append(message_with());
  const auto write = [&](WrittenRequest& request) {
    const RequestText written = history.text(messages, "]}");
    const HttpBody body = request.writer.write(body_of(written), *written.messages);
    std::string text;
    for (std::size_t i = 0; i < body.parts(); ++i) text += body.part(i);
    return text;
  };
  const std::string png = R"({"type":"image","source":{"type":"base64","media_type":"image/png",)"
                          R"("data":"iVBORw0KGgpyZXN0"}})";
  const std::string mp4 = R"({"type":"video","source":{"type":"url","url":"ms://7"}})";
  WrittenRequest request;
  request.library->set_upload("http://host/v1", kOther, "ms://7");
  const std::string first = write(request);
  EXPECT_NE(first.find(png), std::string::npos) << first;
  EXPECT_NE(first.find(mp4), std::string::npos) << first;
  messages.append(R"({"role":"assistant","content":"A dot."})");
  messages.append(R"({"role":"user","content":"Sure?"})");
  const std::string second = write(request);
  EXPECT_EQ(second.substr(0, first.size() - 2), first.substr(0, first.size() - 2));
}

TEST(MediaWriter, uploads_videos_and_large_images) {
  WrittenRequest request;
  HostProfile host;
  EXPECT_FALSE(request.library->goes_by_upload(host, kOther)) << "it takes none";
  host.media.files_path = "/files";
  EXPECT_TRUE(request.library->goes_by_upload(host, kOther));
  EXPECT_FALSE(request.library->goes_by_upload(host, kHash));
  host.media.upload_above_bytes = 3;
  EXPECT_TRUE(request.library->goes_by_upload(host, kHash));
}

}  // namespace
}  // namespace perdure
