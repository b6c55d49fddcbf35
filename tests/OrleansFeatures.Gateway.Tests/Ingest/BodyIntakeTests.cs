using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

public sealed class BodyIntakeTests
{
    private const string Producer = "upstream/orders/3";

    [Fact]
    public async Task Bodies_of_every_form_go_in_together_and_what_is_bad_goes_to_the_quarantine()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        await TakeAsync(store, "clicks", Click(1), $"[{Click(2)},5]", $"{Click(3)}\nno json\n", "broken", "", """{"id":4,"at":"yesterday"}""");
        (await CountAsync(store)).ShouldBe(3);
        Kept(store).Select(refused => (refused.Field, refused.Reason.Split(':')[0], refused.Json)).ShouldBe(
        [
            ("", "it is a JSON number", "5"),
            ("", "it is not JSON", "\"no json\""),
            ("", "it is not JSON", "\"broken\""),
            ("", "it is not JSON", "\"\""),
            ("at", "'yesterday' is not a timestamp", """{"id":4,"at":"yesterday"}"""),
        ]);
    }

    [Fact]
    public async Task A_delivery_that_comes_twice_counts_once()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        await TakeAsync(store, "clicks", Click(1), Click(2));
        await TakeAsync(store, "clicks", Click(2), Click(3));
        (await CountAsync(store)).ShouldBe(3);
    }

    [Fact]
    public async Task Events_of_a_stream_that_there_is_not_are_kept_in_the_quarantine_and_the_next_delivery_is_taken()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        await TakeAsync(store, "klicks", Click(1), Click(2));
        await TakeAsync(store, "clicks", Click(3));
        (await CountAsync(store)).ShouldBe(1);
        Kept(store).ShouldAllBe(refused => refused.Stream == "klicks" && refused.Field == "stream" && refused.Fix.Contains("clicks"));
        Kept(store).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_store_that_has_no_definitions_yet_takes_nothing_and_puts_nothing_into_the_quarantine()
    {
        await using TroubledStore store = await TroubledStore.StartAsync(withDefinitions: false);
        (await Should.ThrowAsync<RequestRefusedException>(() => TakeAsync(store, "clicks", Click(1)))).Refusal.Kind.ShouldBe(RefusalKind.FailedPrecondition);
        Kept(store).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_delivery_that_is_too_large_for_one_push_goes_in_by_parts()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        int count = Limits.EventsPerPushMax + 1;
        string body = string.Join('\n', Enumerable.Range(1, count).Select(Click));
        await TakeAsync(store, "clicks", body);
        (await CountAsync(store)).ShouldBe(count);
        Kept(store).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_full_store_delays_a_delivery_and_refuses_nothing()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.IsFull = true;
        await TakeAsync(store, "clicks", Click(1));
        (await CountAsync(store)).ShouldBe(1);
    }

    [Fact]
    public async Task A_failure_of_the_log_fails_the_delivery_and_its_repetition_takes_every_event_once()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.FailureOf = (number, _) => number == 2 ? new LogFullException("log", 1) : null;
        string body = string.Join('\n', Enumerable.Range(1, Limits.EventsPerPushMax + 1).Select(Click));
        await Should.ThrowAsync<LogException>(() => TakeAsync(store, "clicks", body));
        await TakeAsync(store, "clicks", body);
        (await CountAsync(store)).ShouldBe(Limits.EventsPerPushMax + 1);
        Kept(store).ShouldBeEmpty();
    }

    [Fact]
    public async Task Events_carry_their_source_as_producer_unless_they_name_another()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        await TakeAsync(store, "clicks", """{"id":1,"at":"2018-04-01T00:00:01Z","user":"ada","@arrival_time":"2018-04-01T00:00:02Z"}""");
        Kept(store).ShouldHaveSingleItem().Reason.ShouldContain($"producer '{Producer}'");
    }

    private static string Click(int id) => $$"""{"id":{{id}},"at":"2018-04-01T00:00:01Z","user":"ada","shop":1,"amount":1,"count":1}""";

    private static Task TakeAsync(TroubledStore store, string stream, params string[] bodies) =>
        store.Services.GetRequiredService<BodyIntake>().TakeAsync(stream, Producer, [.. bodies.Select(body => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(body))], RunningStore.Cancelled);

    /// <summary>Oldest first.</summary>
    private static List<RefusedEvent> Kept(TroubledStore store) => [.. store.Services.GetRequiredService<Quarantine>().List(null, 100).Reverse()];

    private static async Task<long> CountAsync(TroubledStore store)
    {
        var features = new FeatureService.FeatureServiceClient(store.Channel);
        GetFeaturesRequest ask = Clicks.Ask("ada", 60, Everything(store), "user_stats:n");
        ask.MaxWaitMs = 60_000;
        GetFeaturesResponse answer = await features.GetFeaturesAsync(ask, cancellationToken: RunningStore.Cancelled);
        return answer.Rows.Int64S.FirstOrDefault();
    }

    private static ConsistencyToken Everything(TroubledStore store)
    {
        var token = new ConsistencyToken();
        for (int partition = 0; partition < store.Host.Partitions.Count; partition++)
        {
            if (store.Host.DurableOffset(new PartitionId(partition)) is var offset && offset != LogOffset.None)
            {
                token.Partitions.Add((uint)partition);
                token.Offsets.Add((ulong)offset.Value);
            }
        }

        return token;
    }
}
