using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;
using Shape = OrleansFeatures.V1.Feature.Types.Shape;
using WindowKind = OrleansFeatures.V1.Feature.Types.WindowKind;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class DefinitionListingTests
{
    private const string Views =
        """
        feature_views:
          - name: spend
            entity: customer
            stream: transactions
            allowed_lateness: 1h
            features:
              - {name: sliding, aggregate: mean(amount), window: 7d, delay: 1d, where: amount > 1, accuracy: {exact_for: 2d, hop: 5m}}
              - {name: week, aggregate: count, window: {tumbling: week, time_zone: Europe/Zurich}}
              - {name: hour, aggregate: count, window: {tumbling: 1h}}
              - {name: visit, aggregate: "last_n(amount, 3)", window: {session: 30m, max: 2h}}
              - {name: newest, aggregate: mean(amount), window: {last: 100}, by: fraud}
              - {name: ever, aggregate: sum(amount), window: lifetime}
              - {name: top, aggregate: "top_k(customer_id, 3)", window: 1d}
          - {name: plain, entity: customer, stream: transactions, features: [{name: n, aggregate: count, window: 1d}]}
        """;

    [Fact]
    public void A_feature_says_its_window_shape_category_and_accuracy()
    {
        Feature[] features = [.. ListingOf("spend").FeatureView.Features];
        features.Select(feature => $"{feature.Window}: {feature.WindowKind} {feature.WindowMicros / 1_000_000} {feature.GapMicros / 1_000_000} {feature.WindowEvents} {feature.TimeZone}".TrimEnd()).ShouldBe(
        [
            "7d: Sliding 604800 0 0", "tumbling week Europe/Zurich: Tumbling 0 0 0 Europe/Zurich", "tumbling 1h UTC: Tumbling 3600 0 0 UTC", "session 30m max 2h: Session 7200 1800 0",
            "last 100: Last 0 0 100", "lifetime: Lifetime 0 0 0", "1d: Sliding 86400 0 0",
        ]);
        features.Select(feature => (feature.Shape, feature.List, feature.Type, feature.By, feature.KeyType)).ShouldBe(
        [
            (Shape.Scalar, false, FieldType.Double, "", FieldType.Unspecified), (Shape.Scalar, false, FieldType.Int64, "", FieldType.Unspecified), (Shape.Scalar, false, FieldType.Int64, "", FieldType.Unspecified),
            (Shape.List, true, FieldType.Double, "", FieldType.Unspecified), (Shape.Map, false, FieldType.Double, "fraud", FieldType.Bool), (Shape.Scalar, false, FieldType.Double, "", FieldType.Unspecified), (Shape.Map, false, FieldType.Int64, "", FieldType.String),
        ]);
        (features[0].ExactForMicros, features[0].HopMicros, features[0].DelayMicros, features[0].Where).ShouldBe((172_800_000_000, 300_000_000, 86_400_000_000, "amount > 1"));
        (features[1].ExactForMicros, features[1].HopMicros, features[1].Where).ShouldBe((3_600_000_000, 60_000_000, ""));
    }

    [Fact]
    public void A_view_says_its_allowed_lateness_only_if_it_has_one()
    {
        ListingOf("spend").FeatureView.AllowedLatenessMicros.ShouldBe(3_600_000_000);
        ListingOf("plain").FeatureView.HasAllowedLatenessMicros.ShouldBeFalse();
        ListingOf("spend").Yaml.ShouldContain("allowed_lateness: 1h\n");
    }

    private static Definition ListingOf(string view)
    {
        string text = Samples.Small[..Samples.Small.IndexOf("feature_views:", StringComparison.Ordinal)] + Views;
        DefinitionReading reading = Samples.Read(text);
        reading.Errors.ShouldBeEmpty();
        return new DefinitionListing(new LiveDefinitions(reading.Sources, reading.Catalog!, DefinitionHash.Of(reading.Definitions))).Get("feature_view", view);
    }
}
