using System.Text;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Metadata;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Metadata.Cases;

/// <summary>What the quarantine does on every database. Each test has one of its own; opening it again is a restart, or another process beside the first.</summary>
public abstract class QuarantineCases
{
    protected abstract Task<MetadataDatabase> OpenAsync();

    [Fact]
    public async Task Refused_events_survive_a_restart_and_are_listed_newest_first_by_stream()
    {
        using (MetadataDatabase database = await OpenAsync())
        {
            new Quarantine(database).Add([Refused("a", 1), Refused("b", 2), Refused("a", 3)]);
        }

        using MetadataDatabase reopened = await OpenAsync();
        var quarantine = new Quarantine(reopened);
        quarantine.Add([Refused("a", 4)]);
        quarantine.Add([]);
        quarantine.List("a", 10).Select(refused => refused with { Id = 0 }).ShouldBe([Refused("a", 4), Refused("a", 3), Refused("a", 1)]);
        quarantine.List("a", 2).Select(refused => refused.ArrivalMicros).ShouldBe([4, 3]);
        quarantine.List(null, 10).Select(refused => refused.ArrivalMicros).ShouldBe([4, 3, 2, 1]);
        quarantine.List("a", -1).ShouldBeEmpty();
        (quarantine.Count("a"), quarantine.Count("b"), quarantine.Count("c"), quarantine.Count()).ShouldBe((3, 1, 0, 4));
    }

    [Fact]
    public async Task A_long_event_is_cut_at_the_limit_between_two_characters()
    {
        using MetadataDatabase database = await OpenAsync();
        var quarantine = new Quarantine(database);
        string fits = new('x', Limits.QuarantineJsonBytesMax);
        string emoji = "x" + string.Concat(Enumerable.Repeat("\U0001F600", Limits.QuarantineJsonBytesMax / 4));
        quarantine.Add([Refused("a", 1) with { Json = fits }, Refused("a", 2) with { Json = emoji }, Refused("a", 3) with { Json = "half \ud800 pair and \u0000 zero" }]);
        var kept = quarantine.List("a", 3);
        kept[0].Json.ShouldContain("zero");
        Encoding.UTF8.GetByteCount(kept[1].Json).ShouldBe(Limits.QuarantineJsonBytesMax - 3);
        emoji.ShouldStartWith(kept[1].Json);
        kept[2].Json.ShouldBe(fits);
    }

    [Fact]
    public async Task Only_the_newest_events_are_kept()
    {
        using MetadataDatabase database = await OpenAsync();
        var quarantine = new Quarantine(database);
        quarantine.Add([.. Enumerable.Range(0, Limits.QuarantineRowsMax - 1).Select(i => Refused("a", i))]);
        quarantine.Add([Refused("b", 1), Refused("b", 2), Refused("b", 3)]);
        quarantine.Count().ShouldBe(Limits.QuarantineRowsMax);
        (quarantine.Count("a"), quarantine.Count("b")).ShouldBe((Limits.QuarantineRowsMax - 3, 3));
        quarantine.Add([.. Enumerable.Range(0, Limits.QuarantineRowsMax + 5).Select(i => Refused("c", i))]);
        (quarantine.Count("c"), quarantine.Count()).ShouldBe((Limits.QuarantineRowsMax, Limits.QuarantineRowsMax));
        quarantine.List("c", 1)[0].ArrivalMicros.ShouldBe(Limits.QuarantineRowsMax + 4);
    }

    [Fact]
    public async Task Batches_from_many_threads_are_all_kept()
    {
        using MetadataDatabase database = await OpenAsync();
        var quarantine = new Quarantine(database);
        Parallel.For(0, 16, batch => quarantine.Add([.. Enumerable.Range(0, 50).Select(i => Refused($"s{batch}", i))]));
        quarantine.Count().ShouldBe(800);
        quarantine.Count("s7").ShouldBe(50);
    }

    [Fact]
    public async Task What_a_text_cannot_hold_everywhere_is_replaced_and_found_again()
    {
        using MetadataDatabase database = await OpenAsync();
        var quarantine = new Quarantine(database);
        quarantine.Add([Refused("str\u0000eam \ud800", 1) with { Field = "\udc00", Reason = "emoji \U0001F600 stays" }]);
        RefusedEvent kept = quarantine.List("str\u0000eam \ud800", 1).ShouldHaveSingleItem();
        (kept.Stream, kept.Field, kept.Reason).ShouldBe(("str\ufffdeam \ufffd", "\ufffd", "emoji \U0001F600 stays"));
    }

    [Fact]
    public async Task Processes_that_share_the_database_see_each_others_events()
    {
        using MetadataDatabase here = await OpenAsync();
        using MetadataDatabase there = await OpenAsync();
        (Quarantine one, Quarantine other) = (new Quarantine(here), new Quarantine(there));
        Parallel.For(0, 8, batch => (batch % 2 == 0 ? one : other).Add([.. Enumerable.Range(0, 20).Select(i => Refused("a", i))]));
        (one.Count("a"), other.Count("a")).ShouldBe((160, 160));
        one.List("a", 160).Select(refused => refused.Id).ShouldBe(other.List("a", 160).Select(refused => refused.Id));
    }

    private static RefusedEvent Refused(string stream, long arrivalMicros) =>
        new(stream, arrivalMicros, "amount", "'abc' is not a double", "send a number", "{\"amount\":\"abc\"}");
}
