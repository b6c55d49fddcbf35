using OrleansFeatures.Domain.Definitions;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Domain.Tests.Definitions;

public sealed class NameSuggestionTests
{
    private static readonly string[] Known = ["amount", "customer_id", "terminal_id", "tx_time"];

    [Theory]
    [InlineData("amuont", "amount")]
    [InlineData("Amount", "amount")]
    [InlineData("amounts", "amount")]
    [InlineData("custmer_id", "customer_id")]
    [InlineData("tx_tiem", "tx_time")]
    [InlineData("price", null)]
    [InlineData("", null)]
    public void The_nearest_name_is_suggested_and_a_far_one_is_not(string wrong, string? expected) =>
        NameSuggestion.Closest(wrong, Known).ShouldBe(expected);

    [Fact]
    public void Of_equally_near_names_the_alphabetically_first_wins_in_any_order()
    {
        NameSuggestion.Closest("risk_2d", ["risk_7d", "risk_1d"]).ShouldBe("risk_1d");
        NameSuggestion.Closest("risk_2d", ["risk_1d", "risk_7d"]).ShouldBe("risk_1d");
    }

    [Fact]
    public void A_long_word_is_compared_without_harm() =>
        NameSuggestion.Closest(new string('a', 100_000), [new string('a', 50_000), "b"]).ShouldBe(new string('a', 50_000));

    [Fact]
    public void The_sentence_lists_the_known_names_when_none_is_near()
    {
        NameSuggestion.DidYouMean("amuont", Known).ShouldBe("did you mean 'amount'?");
        NameSuggestion.DidYouMean("zzz", Known).ShouldBe("known: amount, customer_id, terminal_id, tx_time");
        NameSuggestion.DidYouMean("zzz", []).ShouldBe("nothing is defined yet");
    }
}
