using System.Text;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Server.Files;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Files;

public sealed class CellTextTests
{
    [Theory]
    [InlineData(FieldType.Int64, "-42", "-42")]
    [InlineData(FieldType.Double, "1e3", "1000")]
    [InlineData(FieldType.Double, "57.16", "57.16")]
    [InlineData(FieldType.Bool, "TRUE", "true")]
    [InlineData(FieldType.Bool, "0", "false")]
    [InlineData(FieldType.String, "0", "0")]
    [InlineData(FieldType.Timestamp, "2018-04-01T00:00:31Z", "2018-04-01T00:00:31Z")]
    [InlineData(FieldType.Timestamp, "2018-04-01T02:00:31.5+02:00", "2018-04-01T00:00:31.500Z")]
    [InlineData(FieldType.Timestamp, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z")]
    [InlineData(FieldType.Timestamp, "2100-02-28T00:00:00Z", "2100-02-28T00:00:00Z")]
    public void A_cell_reads_as_its_fields_type(FieldType type, string cell, string expected)
    {
        CellText.TryRead(type, Encoding.UTF8.GetBytes(cell), out Value value).ShouldBeTrue();
        value.Type.ShouldBe(type);
        value.ToString().ShouldBe(expected);
    }

    [Theory]
    [InlineData(FieldType.Int64, "1.0")]
    [InlineData(FieldType.Int64, " 1")]
    [InlineData(FieldType.Int64, "9223372036854775808")]
    [InlineData(FieldType.Double, "abc")]
    [InlineData(FieldType.Double, "NaN")]
    [InlineData(FieldType.Double, "Infinity")]
    [InlineData(FieldType.Double, "-∞")]
    [InlineData(FieldType.Double, "1e999")]
    [InlineData(FieldType.Double, "1,5")]
    [InlineData(FieldType.Bool, "yes")]
    [InlineData(FieldType.Bool, "2")]
    [InlineData(FieldType.Timestamp, "1522540831")]
    [InlineData(FieldType.Timestamp, "1522540831000000")]
    [InlineData(FieldType.Timestamp, "2018-04-01 00:00:31")]
    [InlineData(FieldType.Timestamp, "2018-02-30T00:00:31Z")]
    [InlineData(FieldType.Timestamp, "2018-04-01T24:00:00Z")]
    [InlineData(FieldType.Timestamp, "2018-04-0AT00:00:00Z")]
    [InlineData(FieldType.Timestamp, "yesterday")]
    public void What_is_ambiguous_or_no_value_is_not_guessed(FieldType type, string cell)
    {
        CellText.TryRead(type, Encoding.UTF8.GetBytes(cell), out _).ShouldBeFalse();
    }

    [Fact]
    public void The_fast_path_for_times_agrees_with_the_general_one()
    {
        const ulong seed = 20180401;
        var random = new Server.Demo.SeededRandom(seed);
        for (int draw = 0; draw < 20_000; draw++)
        {
            var time = new EventTime((long)(random.Next() % (200UL * 366 * 86_400)) * 1_000_000);
            string text = time.ToString();
            CellText.TryReadTime(Encoding.UTF8.GetBytes(text), out EventTime read).ShouldBeTrue($"seed {seed}: {text}");
            EventTime.TryParse(text, out EventTime general).ShouldBeTrue();
            read.ShouldBe(general, $"seed {seed}: {text}");
        }
    }
}
