using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Ingest;

public sealed class PushTests
{
    [Fact]
    public async Task Good_events_are_accepted_and_a_read_with_their_token_sees_them()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse response = await store.Ingest.PushAsync(Clicks.Columns(0, 10), cancellationToken: RunningStore.Cancelled);
        (response.Accepted, response.Duplicates, response.Late, response.Quarantined).ShouldBe((10ul, 0ul, 0ul, 0ul));
        response.Results.ShouldBeEmpty();
        response.Token.Partitions.ShouldNotBeEmpty();
        response.Token.Partitions.ShouldBeInOrder();
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 9, response.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([10]);
    }

    [Fact]
    public async Task A_bad_event_is_refused_alone_and_its_neighbours_go_in()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        EventRow bad = Clicks.Row(2, 2);
        bad.Values[4] = Clicks.Of("abc");
        PushResponse response = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1), bad, Clicks.Row(3, 3)), cancellationToken: RunningStore.Cancelled);
        (response.Accepted, response.Quarantined).ShouldBe((2ul, 1ul));
        response.Results.ShouldBe([EventResult.Accepted, EventResult.Quarantined, EventResult.Accepted]);
        Refusal refusal = response.Refusals.ShouldHaveSingleItem();
        (refusal.Index, refusal.Field, refusal.Reason, refusal.Fix).ShouldBe((1u, "amount", "'abc' is not a double", "send a number"));
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 9, response.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([2]);
        ListQuarantineResponse kept = await store.Admin.ListQuarantineAsync(new ListQuarantineRequest { Stream = "clicks" }, cancellationToken: RunningStore.Cancelled);
        kept.Total.ShouldBe(1ul);
        kept.Events[0].EventJson.ShouldBe("""{"id":2,"at":"2018-04-01T00:00:02Z","user":"ada","shop":1,"amount":"abc","count":1,"note":null,"ok":null,"seen":null}""");
        (kept.Events[0].Field, kept.Events[0].Reason, kept.Events[0].Id > 0, kept.Events[0].ArrivedMicros > 0).ShouldBe(("amount", "'abc' is not a double", true, true));
    }

    public static TheoryData<int, string, string, string> BadCells => new()
    {
        { 0, "null", "id", "it is missing or empty" },
        { 0, "text", "id", "'abc' is not an int64" },
        { 0, "double", "id", "1.5 is not an int64" },
        { 1, "null", "at", "the event has no event time" },
        { 1, "int64", "at", "7 is not a timestamp" },
        { 1, "text", "at", "'abc' is not a timestamp" },
        { 1, "early", "at", "1969-12-31T23:59:59Z is not between 1970-01-01 and 2100-01-01" },
        { 1, "late", "at", "2100-01-01T00:00:00Z is not between 1970-01-01 and 2100-01-01" },
        { 2, "null", "user", "it is missing or empty" },
        { 2, "empty", "user", "it is missing or empty" },
        { 2, "int64", "user", "7 is not a string" },
        { 2, "long", "user", "a key of more than 512 bytes" },
        { 3, "bool", "shop", "true is not an int64" },
        { 4, "nan", "amount", "NaN is not a finite number" },
        { 4, "infinite", "amount", "Infinity is not a finite number" },
        { 4, "inexact", "amount", "9007199254740993 has no exact double" },
        { 5, "timestamp", "count", "timestamp 7 is not an int64" },
        { 6, "huge", "note", "40000 bytes of text are over the limit of 32768" },
        { 7, "int64", "ok", "7 is not a bool" },
        { 7, "text", "ok", "'abc' is not a bool" },
    };

    [Theory]
    [MemberData(nameof(BadCells))]
    public async Task A_refusal_names_the_field_the_reason_and_a_fix(int position, string kind, string field, string reason)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        EventRow bad = Clicks.Row(1, 1);
        bad.Values[position] = BadValue(kind);
        PushResponse response = await store.Ingest.PushAsync(Clicks.Rows(bad, Clicks.Row(2, 2)), cancellationToken: RunningStore.Cancelled);
        (response.Accepted, response.Quarantined).ShouldBe((1ul, 1ul));
        (response.Refusals[0].Field, response.Refusals[0].Reason).ShouldBe((field, reason));
        response.Refusals[0].Fix.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task A_ten_megabyte_field_is_refused_by_name_and_kept_cut()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        EventRow bad = Clicks.Row(1, 1);
        bad.Values[6] = Clicks.Of(new string('x', 10_000_000));
        PushResponse response = await store.Ingest.PushAsync(Clicks.Rows(bad, Clicks.Row(2, 2)), cancellationToken: RunningStore.Cancelled);
        (response.Accepted, response.Refusals[0].Field).ShouldBe((1ul, "note"));
        ListQuarantineResponse kept = await store.Admin.ListQuarantineAsync(new ListQuarantineRequest(), cancellationToken: RunningStore.Cancelled);
        kept.Events[0].EventJson.Length.ShouldBe(64 * 1024);
    }

    [Fact]
    public async Task Every_character_of_unicode_comes_back_as_it_was_sent()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        const string Text = "\0 a\u00e9\u4e2d\ud83d\ude00\uffff";
        EventRow row = Clicks.Row(1, 1, user: Text);
        row.Values[6] = Clicks.Of(Text);
        PushResponse response = await store.Ingest.PushAsync(Clicks.Rows(row), cancellationToken: RunningStore.Cancelled);
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask(Text, 1, response.Token, "user_stats:note", "user_stats:notes"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Strings.ShouldBe([Text]);
        features.Rows.Lists[0].Values.ShouldBe([Clicks.Of(Text)]);
    }

    [Fact]
    public async Task Rows_take_text_and_integers_where_the_meaning_is_plain()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var row = new EventRow();
        row.Values.AddRange([
            Clicks.Of("17"), Clicks.Of("2018-04-01T02:00:00+02:00"), Clicks.Of("ada"), Clicks.Of("1"), Clicks.Of("2.5e1"), Clicks.Of("-3"), Clicks.Null(), Clicks.Of(1L), Clicks.Of("2018-04-01T00:00:00Z")]);
        EventRow other = Clicks.Row(18, 1);
        other.Values[4] = Clicks.Of(4L);
        other.Values[7] = Clicks.Of("false");
        PushResponse response = await store.Ingest.PushAsync(Clicks.Rows(row, other), cancellationToken: RunningStore.Cancelled);
        response.Refusals.ShouldBeEmpty();
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(
            Clicks.Ask("ada", 1, response.Token, "user_stats:total", "user_stats:ok", "user_stats:seen", "user_stats:top"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Doubles.ShouldBe([29]);
        features.Rows.Int64S.ShouldBe([0, Clicks.Midnight, 1]);
    }

    [Fact]
    public async Task Columns_take_integers_for_doubles_and_bools_and_honour_null_bits()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushRequest request = Clicks.Columns(0, 10);
        request.Columns.Columns[4] = new Column { Int64S = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, Nulls = Google.Protobuf.ByteString.CopyFrom(0b0000_0010, 0b0000_0010) };
        PushResponse response = await store.Ingest.PushAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Accepted.ShouldBe(10ul);
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 9, response.Token, "user_stats:total"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Doubles.ShouldBe([45 - 1 - 9]);
    }

    [Fact]
    public async Task A_column_of_the_wrong_type_refuses_its_events_but_not_its_nulls()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushRequest request = Clicks.Columns(0, 3);
        request.Columns.Columns[4] = new Column { Strings = { "1", "", "x" }, Nulls = Google.Protobuf.ByteString.CopyFrom(0b10) };
        PushResponse response = await store.Ingest.PushAsync(request, cancellationToken: RunningStore.Cancelled);
        response.Results.ShouldBe([EventResult.Quarantined, EventResult.Accepted, EventResult.Quarantined]);
        response.Refusals.Select(refusal => refusal.Reason).ShouldBe(["'1' is not a double", "'x' is not a double"]);
    }

    [Fact]
    public async Task A_row_of_another_length_is_refused_alone()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        EventRow shorter = Clicks.Row(1, 1);
        shorter.Values.RemoveAt(8);
        PushResponse response = await store.Ingest.PushAsync(Clicks.Rows(shorter, Clicks.Row(2, 2)), cancellationToken: RunningStore.Cancelled);
        response.Accepted.ShouldBe(1ul);
        response.Refusals[0].Reason.ShouldBe("8 values where 9 fields are expected");
    }

    [Fact]
    public async Task The_same_id_counts_once_in_a_batch_across_batches_and_across_connections()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse first = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1), Clicks.Row(1, 1), Clicks.Row(2, 2)), cancellationToken: RunningStore.Cancelled);
        first.Results.ShouldBe([EventResult.Accepted, EventResult.Duplicate, EventResult.Accepted]);
        PushResponse again = await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(2, 2), Clicks.Row(3, 3)), cancellationToken: RunningStore.Cancelled);
        again.Results.ShouldBe([EventResult.Duplicate, EventResult.Accepted]);
        using var other = store.Connect();
        PushResponse elsewhere = await new IngestService.IngestServiceClient(other).PushAsync(Clicks.Rows(Clicks.Row(3, 3, user: "bob")), cancellationToken: RunningStore.Cancelled);
        elsewhere.Duplicates.ShouldBe(1ul);
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 9, again.Token, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([3]);
        GetFeaturesResponse bob = await store.Features.GetFeaturesAsync(Clicks.Ask("bob", 9, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        bob.States[0].StateVersion.ShouldBe(0ul);
    }

    [Fact]
    public async Task A_retry_that_is_all_duplicates_still_gives_a_token_to_read_what_was_written()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        PushResponse first = await store.Ingest.PushAsync(Clicks.Columns(0, 100), cancellationToken: RunningStore.Cancelled);
        PushResponse again = await store.Ingest.PushAsync(Clicks.Columns(0, 100), cancellationToken: RunningStore.Cancelled);
        again.Duplicates.ShouldBe(100ul);
        again.Token.ShouldBe(first.Token);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_restart_and_still_a_duplicate()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Columns(0, 100), cancellationToken: RunningStore.Cancelled);
        await store.RestartAsync();
        PushResponse again = await store.Ingest.PushAsync(Clicks.Columns(0, 100), cancellationToken: RunningStore.Cancelled);
        again.Duplicates.ShouldBe(100ul);
        GetFeaturesResponse features = await store.Features.GetFeaturesAsync(Clicks.Ask("ada", 99, null, "user_stats:n"), cancellationToken: RunningStore.Cancelled);
        features.Rows.Int64S.ShouldBe([100]);
    }

    private static Value BadValue(string kind) => kind switch
    {
        "text" => Clicks.Of("abc"),
        "double" => Clicks.Of(1.5),
        "int64" => Clicks.Of(7L),
        "bool" => Clicks.Of(true),
        "timestamp" => Clicks.At(7),
        "early" => Clicks.At(-1_000_000),
        "late" => Clicks.At(47_482L * 86_400 * 1_000_000),
        "empty" => Clicks.Of(""),
        "long" => Clicks.Of(new string('k', 513)),
        "nan" => Clicks.Of(double.NaN),
        "infinite" => Clicks.Of(double.PositiveInfinity),
        "inexact" => Clicks.Of((1L << 53) + 1),
        "huge" => Clicks.Of(new string('x', 40_000)),
        _ => Clicks.Null(),
    };
}
