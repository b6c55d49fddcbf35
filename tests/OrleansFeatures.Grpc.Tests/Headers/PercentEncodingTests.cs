using Grpc.Headers;

namespace Grpc.Tests.Headers;

public class PercentEncodingTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain ~!", "plain ~!")]
    [InlineData("100%", "100%25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("é", "%C3%A9")]
    [InlineData("☺😈", "%E2%98%BA%F0%9F%98%88")]
    [InlineData("\u007f", "%7F")]
    [InlineData(" edges ", "%20edges%20")]
    [InlineData(" ", "%20")]
    public void Bytes_outside_printable_ascii_are_escaped(string text, string encoded)
    {
        PercentEncoding.Encode(text).ShouldBe(encoded);
        PercentEncoding.Decode(encoded).ShouldBe(text);
    }

    [Theory]
    [InlineData("%", "%")]
    [InlineData("%4", "%4")]
    [InlineData("%zz", "%zz")]
    [InlineData("50% off", "50% off")]
    [InlineData("%e2%98%ba", "☺")]
    [InlineData("%FF", "\ufffd")]
    [InlineData("%C3", "\ufffd")]
    public void Broken_escapes_stay_readable(string encoded, string text) => PercentEncoding.Decode(encoded).ShouldBe(text);

    [Fact]
    public void Any_text_comes_back()
    {
        const int seed = 77;
        var random = new Random(seed);
        for (var i = 0; i < 5_000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => RandomRune(random).ToString()));
            string encoded = PercentEncoding.Encode(text);
            encoded.ShouldAllBe(c => c >= ' ' && c <= '~', $"seed {seed}");
            PercentEncoding.Decode(encoded).ShouldBe(text, $"seed {seed}");
        }
    }

    [Fact]
    public void Any_bytes_are_decoded_without_an_exception()
    {
        const int seed = 78;
        var random = new Random(seed);
        for (var i = 0; i < 5_000; i++)
        {
            string garbage = string.Concat(Enumerable.Range(0, random.Next(30)).Select(_ => "%%%0aF g\u00e9"[random.Next(9)]));
            PercentEncoding.Decode(garbage).ShouldNotBeNull($"seed {seed}: {garbage}");
        }
    }

    [Fact]
    public void A_long_message_is_cut_so_that_the_headers_stay_small()
    {
        PercentEncoding.Encode(new string('x', 1_000_000)).Length.ShouldBe(Limits.StatusDetailBytes);
        PercentEncoding.Encode(new string('☺', 1_000_000)).Length.ShouldBe(3 * Limits.StatusDetailBytes);
    }

    private static System.Text.Rune RandomRune(Random random)
    {
        while (true)
        {
            if (System.Text.Rune.TryCreate(random.Next(4) == 0 ? random.Next(0x110000) : random.Next(0x80), out var rune))
            {
                return rune;
            }
        }
    }
}
