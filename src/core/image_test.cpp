// What is published: the groups that differ from what was published before, and no others.
#include "core/image.hpp"

#include <gtest/gtest.h>

namespace ipmp {

namespace {

GroupImage group(std::uint32_t index) {
    GroupImage image;
    image.lower = InterfaceIndex{index};
    return image;
}

using Names = std::vector<std::string>;
Names names_of(const DataplaneImage& image) {
    Names names;
    for (const auto& [name, image_of_it] : image) names.push_back(name);
    return names;
}

TEST(Image, NamesWhatHasChangedAndWhatIsGoneAndNothingElse) {
    DataplaneImage image;
    const Scope all = Scope::everybody();
    PublishImage news = replace(image, {{"ipmp0", group(1)}, {"ipmp1", group(2)}}, all);
    EXPECT_EQ(names_of(news.changed), (Names{"ipmp0", "ipmp1"}));
    EXPECT_EQ(news.changed, image);

    news = replace(image, {{"ipmp0", group(1)}, {"ipmp1", group(3)}}, all);
    EXPECT_EQ(names_of(news.changed), Names{"ipmp1"});
    EXPECT_EQ(news.changed.at("ipmp1"), image.at("ipmp1"));
    EXPECT_TRUE(news.gone.empty());

    news = replace(image, {{"ipmp1", group(3)}}, all);
    EXPECT_TRUE(news.changed.empty());
    EXPECT_EQ(news.gone, Names{"ipmp0"});
    EXPECT_EQ(names_of(image), Names{"ipmp1"});
}

TEST(Image, D9_OthersThanThoseInTheScopeStay) {
    DataplaneImage image{{"ipmp0", group(1)}, {"ipmp1", group(2)}, {"ipmp2", group(3)}};
    PublishImage news = replace(image, {{"ipmp0", group(9)}}, Scope({"ipmp0", "ipmp2"}));
    EXPECT_EQ(names_of(news.changed), Names{"ipmp0"});
    EXPECT_EQ(news.gone, Names{"ipmp2"});
    EXPECT_EQ(names_of(image), (Names{"ipmp0", "ipmp1"}));
}

}  // namespace

}  // namespace ipmp
