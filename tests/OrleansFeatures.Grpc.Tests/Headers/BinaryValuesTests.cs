using Grpc.Core;
using Grpc.Headers;

namespace Grpc.Tests.Headers;

public class BinaryValuesTests
{
    [Fact]
    public void Any_bytes_come_back_with_and_without_padding()
    {
        const int seed = 5;
        var random = new Random(seed);
        for (var length = 0; length < 600; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            string encoded = BinaryValues.Encode(bytes);
            encoded.ShouldNotContain('=');
            Decode(encoded).ShouldBe([bytes], $"seed {seed}, length {length}");
            Decode(Convert.ToBase64String(bytes)).ShouldBe([bytes], $"padded, seed {seed}, length {length}");
        }
    }

    [Fact]
    public void Values_joined_with_commas_are_values_of_their_own() =>
        Decode("AQ,AgM=, BAUG ,").ShouldBe([[1], [2, 3], [4, 5, 6], []]);

    [Theory]
    [InlineData("A")]
    [InlineData("A===")]
    [InlineData("AQ!=")]
    [InlineData("AAAAA")]
    [InlineData("é")]
    public void What_is_no_base64_is_refused(string text) => BinaryValues.TryAdd([], "x-bin", text).ShouldBeFalse();

    private static IEnumerable<byte[]> Decode(string text)
    {
        var metadata = new Metadata();
        BinaryValues.TryAdd(metadata, "x-bin", text).ShouldBeTrue(text);
        return metadata.Select(entry => entry.ValueBytes);
    }
}
