#include "sync/bucket/s3_xml.h"

#include <gtest/gtest.h>

namespace dws {
namespace {

using Names = std::vector<std::string>;

constexpr std::string_view kPage = R"(<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
<NextContinuationToken>a+b/c==</NextContinuationToken>
<Contents><Key>run/log/1.json</Key><Size>3</Size></Contents>
<Contents><Key>run%2Flog%2F2.json</Key></Contents>
<CommonPrefixes><Prefix>run/games/</Prefix></CommonPrefixes></ListBucketResult>)";

std::string page_of(const std::string& inside) {
    return "<ListBucketResult>" + inside + "</ListBucketResult>";
}

TEST(S3Xml, ReadsAPageOfAListing) {
    const Result<S3ListPage> page = read_list_page(kPage);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->keys, (Names{"run/log/1.json", "run/log/2.json"}));
    EXPECT_EQ(page->folders, (Names{"run/games/"}));
    EXPECT_EQ(page->next_token, "a+b/c==");
}

TEST(S3Xml, DecodesOnlyWhatSaysThatItIsEncoded) {
    const Result<S3ListPage> page = read_list_page(
        page_of("<IsTruncated>false</IsTruncated><Contents><Key>a%2Fb</Key></Contents>"
                "<Contents><Key>a/b</Key></Contents>"));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->keys, (Names{"a/b"}));  // '%' stands in no key of ours
}

TEST(S3Xml, LeavesOutKeysThatNoCallCouldName) {
    const Result<S3ListPage> page = read_list_page(
        page_of("<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>"
                "<Contents><Key>../../etc/passwd</Key></Contents><Contents><Key>/a</Key></Contents>"
                "<Contents><Key>a%2F..%2Fb</Key></Contents><Contents><Key>a%00b</Key></Contents>"
                "<Contents><Key>a%0Ab</Key></Contents><Contents><Key>a%</Key></Contents>"
                "<Contents><Key/></Contents><Contents/><Contents><Key>good</Key></Contents>"
                "<CommonPrefixes><Prefix>no-slash</Prefix></CommonPrefixes>"
                "<CommonPrefixes><Prefix>/</Prefix></CommonPrefixes>"
                "<CommonPrefixes><Prefix>../</Prefix></CommonPrefixes>"));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->keys, (Names{"good"}));
    EXPECT_TRUE(page->folders.empty());
}

TEST(S3Xml, APageCutAnywhereIsNoPage) {
    for (std::size_t length = 0; length < kPage.size(); ++length) {
        const Result<S3ListPage> page = read_list_page(kPage.substr(0, length));
        ASSERT_FALSE(page) << length;
        EXPECT_EQ(page.error().fault, Fault::transport);
    }
}

TEST(S3Xml, RefusesAPageThatDoesNotSayHowItGoesOn) {
    EXPECT_FALSE(read_list_page(page_of("")));
    EXPECT_FALSE(read_list_page(page_of("<IsTruncated>maybe</IsTruncated>")));
    EXPECT_FALSE(read_list_page(page_of("<IsTruncated>true</IsTruncated>")));
    EXPECT_FALSE(read_list_page(page_of("<IsTruncated>true</IsTruncated><NextContinuationToken>" +
                                        std::string(5'000, 'a') + "</NextContinuationToken>")));
    EXPECT_FALSE(read_list_page("<html>hello</html>"));
    EXPECT_FALSE(read_list_page("<Error><Code>SlowDown</Code></Error>"));
}

TEST(S3Xml, EntitiesOfTheDocumentsOwnDoNotGrow) {
    std::string xml = "<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\">";
    for (char name = 'b'; name <= 'z'; ++name)
        xml += std::string("<!ENTITY ") + name + " \"&" + static_cast<char>(name - 1) + ";&" +
               static_cast<char>(name - 1) + ";\">";
    xml += "]>" + page_of("<IsTruncated>false</IsTruncated><Contents><Key>&z;</Key></Contents>");
    const Result<S3ListPage> page = read_list_page(xml);
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->keys.empty());
}

TEST(S3Xml, DepthAndSizeAreNoDanger) {
    std::string deep;
    for (int level = 0; level < 200'000; ++level) deep += "<a>";
    EXPECT_FALSE(read_list_page(deep));
    for (int level = 0; level < 200'000; ++level) deep += "</a>";
    EXPECT_FALSE(read_list_page(deep));
    EXPECT_FALSE(read_list_page(std::string(kMostXmlBytes + 1, ' ')));
}

TEST(S3Xml, AFlippedByteDoesNoHarm) {
    for (std::size_t at = 0; at < kPage.size(); ++at) {
        for (const int flip : {1, 0x20, 0x80}) {
            std::string xml(kPage);
            xml[at] = static_cast<char>(xml[at] ^ flip);
            const Result<S3ListPage> page = read_list_page(xml);
            EXPECT_TRUE(!page || page->keys.size() <= 2);
        }
    }
}

TEST(S3Xml, TellsCodeAndMessageOfARefusalAndNothingElse) {
    const S3Refusal refusal = read_refusal(
        "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>Not\nthis "
        "one</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>x</StringToSign></Error>");
    EXPECT_EQ(refusal.code, "SignatureDoesNotMatch");
    EXPECT_EQ(refusal.message, "Not?this one");
    EXPECT_EQ(read_refusal("<ErrorResponse><Error><Code>X</Code></Error></ErrorResponse>").code,
              "X");
    EXPECT_EQ(read_refusal("<html>").code, "");
    EXPECT_EQ(read_refusal("<Error><Code>" + std::string(999, 'x') + "</Code></Error>").code.size(),
              64u);
}

TEST(S3Xml, ReadsWhatMultipartUploadsAnswer) {
    EXPECT_EQ(*read_upload_id("<InitiateMultipartUploadResult><UploadId>2~x</UploadId>"
                              "</InitiateMultipartUploadResult>"),
              "2~x");
    EXPECT_FALSE(read_upload_id("<InitiateMultipartUploadResult/>"));
    EXPECT_FALSE(read_upload_id(""));
    EXPECT_TRUE(is_completed_upload("  <CompleteMultipartUploadResult/>"));
    EXPECT_FALSE(is_completed_upload("<Error><Code>InternalError</Code></Error>"));
    EXPECT_FALSE(is_completed_upload(""));
}

}  // namespace
}  // namespace dws
