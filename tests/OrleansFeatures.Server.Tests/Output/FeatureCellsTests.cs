using OrleansFeatures.Server.Output;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Output;

public sealed class FeatureCellsTests
{
    private static readonly FeatureColumn[] Columns =
    [
        new() { Name = "v:by_shop", Type = FieldType.Double, Lane = Lane.Map, LaneIndex = 0, KeyType = FieldType.Int64 },
        new() { Name = "v:n", Type = FieldType.Int64, Lane = Lane.Int64, LaneIndex = 0 },
        new() { Name = "v:by_kind", Type = FieldType.Int64, Lane = Lane.Map, LaneIndex = 1, KeyType = FieldType.String },
    ];

    [Fact]
    public void A_map_is_an_object_with_its_keys_as_text_in_the_order_given()
    {
        var cells = new FeatureCells(Columns);
        FeatureRows rows = Rows();
        cells.Text(rows, 0, 0).ShouldBe("""{"10":1.5,"9":null}""");
        cells.Text(rows, 0, 2).ShouldBe("""{"ü \"x\"":3}""");
        cells.Text(rows, 1, 0).ShouldBe("{}");
        cells.Text(rows, 1, 2).ShouldBe("""{"true":4,"1970-01-01T00:00:01Z":5,"0.5":6}""");
    }

    [Fact]
    public void A_map_without_a_value_is_empty_text()
    {
        FeatureRows rows = Rows();
        var statuses = new byte[6];
        Array.Fill(statuses, (byte)FeatureStatus.Present);
        statuses[3] = (byte)FeatureStatus.OutsideRetention;
        rows.Statuses = Google.Protobuf.ByteString.CopyFrom(statuses);
        var cells = new FeatureCells(Columns);
        cells.Text(rows, 1, 0).ShouldBe("");
        cells.Json(rows, 1, 0).ShouldBeNull();
    }

    private static FeatureRows Rows() => new()
    {
        RowCount = 2,
        Int64S = { 1, 2 },
        Maps =
        {
            new MapValue { Keys = { new Value { Int64 = 10 }, new Value { Int64 = 9 } }, Values = { new Value { Double = 1.5 }, new Value() } },
            new MapValue { Keys = { new Value { String = "ü \"x\"" } }, Values = { new Value { Int64 = 3 } } },
            new MapValue(),
            new MapValue
            {
                Keys = { new Value { Bool = true }, new Value { TimestampMicros = 1_000_000 }, new Value { Double = 0.5 } },
                Values = { new Value { Int64 = 4 }, new Value { Int64 = 5 }, new Value { Int64 = 6 } },
            },
        },
    };
}
