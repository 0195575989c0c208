#include "sync/bucket/hub_tree.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

using Names = std::vector<std::string>;

TEST(HubTree, ReadsFilesAndFolders) {
    const Result<HubPage> page = read_hub_page(
        R"([{"type":"file","path":"run/a","size":5,"xetHash":"x","mtime":"2026-01-01","is":true},
            {"type":"directory","path":"run/log"}])");
    ASSERT_TRUE(page);
    EXPECT_EQ(page->files, (Names{"run/a"}));
    EXPECT_EQ(page->folders, (Names{"run/log/"}));
}

TEST(HubTree, LeavesOutWhatNoCallCouldName) {
    const Result<HubPage> page = read_hub_page(
        R"([{"type":"file","path":"../a"},{"type":"file"},{"path":"b"},{"type":"other","path":"c"},
            7,null,{"type":"file","path":5},{"type":"directory","path":""}])");
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->files.empty());
    EXPECT_TRUE(page->folders.empty());
}

TEST(HubTree, AnythingElseIsNoListing) {
    for (const char* json : {"", "{}", "[", "5", "[{]", "{\"error\":\"x\"}"}) {
        const Result<HubPage> page = read_hub_page(json);
        ASSERT_FALSE(page) << json;
        EXPECT_EQ(page.error().fault, Fault::transport);
    }
}

TEST(HubTree, TheNextPageIsAtTheHubItself) {
    const std::string origin = "https://hub";
    EXPECT_EQ(next_page("<https://hub/api/x?cursor=1>; rel=\"next\"", origin),
              "https://hub/api/x?cursor=1");
    EXPECT_EQ(next_page("</api/x>; rel=\"next\"", origin), "https://hub/api/x");
    for (const char* link :
         {"", "<https://evil/x>; rel=\"next\"", "<https://hub.evil/x>; rel=\"next\"",
          "<https://hub/x>; rel=\"prev\"", "https://hub/x", ">< rel=\"next\""}) {
        EXPECT_EQ(next_page(link, origin), "") << link;
    }
}

}  // namespace
}  // namespace dws
