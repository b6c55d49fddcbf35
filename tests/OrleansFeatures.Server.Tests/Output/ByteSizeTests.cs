using OrleansFeatures.Server.Output;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Output;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("4GB", 4L << 30)]
    [InlineData("1.5 mb", 3L << 19)]
    [InlineData("64KB", 65_536)]
    [InlineData("4096", 4_096)]
    [InlineData("7B", 7)]
    public void Amounts_are_read_as_people_write_them(string text, long bytes)
    {
        ByteSize.TryParse(text, out long read).ShouldBeTrue();
        read.ShouldBe(bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GB")]
    [InlineData("-1GB")]
    [InlineData("0")]
    [InlineData("4 potatoes")]
    [InlineData("9999999999TB")]
    [InlineData("1e3MB")]
    public void What_is_no_amount_is_not_guessed_at(string text) => ByteSize.TryParse(text, out _).ShouldBeFalse();

    [Theory]
    [InlineData(0UL, "0 B")]
    [InlineData(1_023UL, "1023 B")]
    [InlineData(1_536UL, "1.5 KB")]
    [InlineData(5UL << 30, "5.0 GB")]
    public void Amounts_are_shown_in_the_largest_fitting_unit(ulong bytes, string text) => ByteSize.Text(bytes).ShouldBe(text);
}
