using System.Text;
using System.Text.Json;
using OrleansFeatures.Server.Tests.Files;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.EndToEnd;

public sealed class PushTests(StoreFixture fixture) : IClassFixture<StoreFixture>, IDisposable
{
    private const string Header = "tx_id,tx_time,customer_id,terminal_id,amount,fraud\n";

    private static int _nextId;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("events.csv", false)]
    [InlineData("events.csv.gz", false)]
    [InlineData("events.csv", true)]
    public async Task Csv_goes_in_once_and_a_second_time_as_duplicates(string name, bool stdin)
    {
        string text = Header + string.Concat(Ids(250).Select(id => Row(id)));
        byte[] bytes = name.EndsWith(".gz", StringComparison.Ordinal) ? Gzip.Of(text) : Encoding.UTF8.GetBytes(text);
        string file = stdin ? "-" : _directory.Write(name, bytes);

        JsonElement first = await PushJsonAsync(file, 0, stdin ? bytes : null);
        first.GetProperty("accepted").GetInt64().ShouldBe(250);
        JsonElement second = await PushJsonAsync(file, 0, stdin ? bytes : null);
        second.GetProperty("accepted").GetInt64().ShouldBe(0);
        second.GetProperty("duplicates").GetInt64().ShouldBe(250);
    }

    [Theory]
    [InlineData("events.jsonl")]
    [InlineData("events.jsonl.gz")]
    public async Task Json_lines_go_in_with_mapped_names(string name)
    {
        string text = string.Concat(Ids(250).Select(id => $"{{\"event_id\":{id},\"tx_time\":\"2018-04-01T00:00:31.5Z\",\"customer_id\":1,\"terminal_id\":2,\"amount\":57.16,\"fraud\":{(id % 2 == 0 ? "0" : "true")}}}\n"));
        string file = _directory.Write(name, name.EndsWith(".gz", StringComparison.Ordinal) ? Gzip.Of(text) : Encoding.UTF8.GetBytes(text));
        JsonElement pushed = await PushJsonAsync(file, 0, null, "--map", "tx_id=event_id");
        pushed.GetProperty("accepted").GetInt64().ShouldBe(250);
    }

    [Fact]
    public async Task Events_are_taken_back_and_replaced_by_their_id()
    {
        int[] ids = Ids(4);
        await PushJsonAsync(_directory.Write("events.csv", Header + string.Concat(ids.Select(id => Row(id)))), 0);
        JsonElement deleted = await PushJsonAsync(_directory.Write("ids.csv", $"note,tx_id\nx,{ids[0]}\ny,{ids[1]}\n"), 0, null, "--op", "delete");
        deleted.GetProperty("accepted").GetInt64().ShouldBe(2);
        string mixed = "@op," + Header + $"delete,{ids[0]},,,,,\n" + "upsert," + Row(ids[2], amount: "99") + "upsert," + Row(ids[3]);
        JsonElement corrected = await PushJsonAsync(_directory.Write("mixed.csv", mixed), 0);
        (corrected.GetProperty("accepted").GetInt64(), corrected.GetProperty("duplicates").GetInt64()).ShouldBe((1, 2));
    }

    [Fact]
    public async Task The_table_shows_the_counts()
    {
        string file = _directory.Write("events.csv", Header + string.Concat(Ids(7).Select(id => Row(id))));
        CommandRun run = await PushAsync(file);
        run.ExitCode.ShouldBe(0, run.Error);
        run.Out.ShouldContain("accepted");
        run.Out.Split('\n').ShouldContain(line => line.Trim().StartsWith("7 ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("abc", "amount")]
    [InlineData("NaN", "amount")]
    [InlineData("Infinity", "amount")]
    [InlineData("-inf", "amount")]
    [InlineData("1e999", "amount")]
    public async Task An_amount_that_is_no_number_is_quarantined_with_its_line_and_its_neighbours_go_in(string amount, string field)
    {
        int[] ids = Ids(3);
        JsonElement pushed = await PushJsonAsync(_directory.Write("events.csv", Header + Row(ids[0]) + Row(ids[1], amount: amount) + Row(ids[2])), 1);
        pushed.GetProperty("accepted").GetInt64().ShouldBe(2);
        pushed.GetProperty("quarantined").GetInt64().ShouldBe(1);
        JsonElement refusal = pushed.GetProperty("refusals").EnumerateArray().ShouldHaveSingleItem();
        refusal.GetProperty("line").GetInt64().ShouldBe(3);
        refusal.GetProperty("field").GetString().ShouldBe(field);
        refusal.GetProperty("reason").GetString().ShouldNotBeNullOrEmpty();
        refusal.GetProperty("fix").GetString().ShouldNotBeNullOrEmpty();
        await ShouldBeUpAsync();
    }

    [Theory]
    [InlineData("1969-12-31T23:59:59Z")]
    [InlineData("2100-01-01T00:00:00Z")]
    [InlineData("2500-01-01T00:00:00Z")]
    [InlineData("1522540831")]
    [InlineData("2018-04-01 00:00:31")]
    [InlineData("")]
    public async Task A_time_that_is_none_or_out_of_range_is_quarantined_with_its_line(string time)
    {
        int[] ids = Ids(3);
        JsonElement pushed = await PushJsonAsync(_directory.Write("events.csv", Header + Row(ids[0]) + Row(ids[1], time: time) + Row(ids[2])), 1);
        pushed.GetProperty("accepted").GetInt64().ShouldBe(2);
        JsonElement refusal = pushed.GetProperty("refusals").EnumerateArray().ShouldHaveSingleItem();
        refusal.GetProperty("line").GetInt64().ShouldBe(3);
        refusal.GetProperty("field").GetString().ShouldBe("tx_time");
        await ShouldBeUpAsync();
    }

    [Fact]
    public async Task A_ten_megabyte_cell_is_quarantined_and_its_neighbours_go_in()
    {
        int[] ids = Ids(3);
        string big = new('9', 10_000_000);
        JsonElement pushed = await PushJsonAsync(_directory.Write("events.csv", Header + Row(ids[0]) + Row(ids[1], amount: big) + Row(ids[2])), 1);
        pushed.GetProperty("accepted").GetInt64().ShouldBe(2);
        pushed.GetProperty("quarantined").GetInt64().ShouldBe(1);
        pushed.GetProperty("refusals")[0].GetProperty("line").GetInt64().ShouldBe(3);
        await ShouldBeUpAsync();
    }

    [Fact]
    public async Task Ragged_rows_are_counted_with_their_lines_and_the_rest_goes_in()
    {
        int[] ids = Ids(3);
        CommandRun run = await PushAsync(_directory.Write("events.csv", Header + Row(ids[0]) + "1,2\n" + Row(ids[1]) + Row(ids[2])));
        run.ExitCode.ShouldBe(1);
        run.Out.ShouldContain("events.csv:3: the row has 2 cells, the header 6");
    }

    [Fact]
    public async Task Bad_json_lines_are_counted_with_their_lines_and_the_rest_goes_in()
    {
        int[] ids = Ids(2);
        string good = "{\"tx_id\":ID,\"tx_time\":\"2018-04-01T00:00:31Z\",\"customer_id\":1,\"terminal_id\":2,\"amount\":1,\"fraud\":0}\n";
        string text = good.Replace("ID", ids[0].ToString(), StringComparison.Ordinal) + "{\"tx_id\":\n" + good.Replace("ID", ids[1].ToString(), StringComparison.Ordinal);
        JsonElement pushed = await PushJsonAsync(_directory.Write("events.jsonl", text), 1);
        pushed.GetProperty("accepted").GetInt64().ShouldBe(2);
        pushed.GetProperty("unreadable").GetInt64().ShouldBe(1);
        pushed.GetProperty("refusals")[0].GetProperty("line").GetInt64().ShouldBe(2);
    }

    [Fact]
    public async Task A_gzip_that_is_cut_off_pushes_what_is_there_and_says_where_it_ends()
    {
        byte[] packed = Gzip.Of(Header + string.Concat(Ids(60_000).Select(id => Row(id))));
        CommandRun run = await PushAsync(_directory.Write("events.csv.gz", packed[..^2_000]), "--output", "json");
        run.ExitCode.ShouldBe(1);
        long accepted = JsonDocument.Parse(run.Out).RootElement.GetProperty("accepted").GetInt64();
        accepted.ShouldBeGreaterThan(10_000);
        run.Error.ShouldContain($"cut off after line {accepted + 1};");
        await ShouldBeUpAsync();
    }

    [Theory]
    [InlineData("id,when,amount\n1,2,3\n", "no column for tx_id, tx_time, customer_id, terminal_id, fraud; found id, when, amount", "--map tx_id=id")]
    [InlineData("", "the file is empty", "")]
    [InlineData("\u0001\u0000\u0002", "zero byte", "")]
    public async Task A_file_that_is_no_event_file_is_refused_by_name(string content, string expected, string hint)
    {
        string file = _directory.Write("events.csv", content);
        CommandRun run = await PushAsync(file);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldStartWith($"orleans-features: {file}");
        run.Error.ShouldContain(expected);
        run.Error.ShouldContain(hint);
        await ShouldBeUpAsync();
    }

    [Fact]
    public async Task An_unknown_stream_is_refused_with_the_nearest_name()
    {
        string file = _directory.Write("events.csv", Header);
        CommandRun run = await CommandRun.RunAsync(["push", "--server", fixture.Store.Grpc, "--stream", "transaction", "--file", file]);
        run.ExitCode.ShouldBe(1);
        run.Error.ShouldContain("no stream 'transaction'; did you mean 'transactions'?");
    }

    [Fact]
    public async Task What_was_refused_is_in_the_quarantine_with_reason_and_fix()
    {
        int[] ids = Ids(1);
        await PushJsonAsync(_directory.Write("events.csv", Header + Row(ids[0], amount: "twelve")), 1);
        CommandRun run = await CommandRun.RunAsync(["quarantine", "--server", fixture.Store.Grpc, "--output", "json", "--limit", "1000"]);
        run.ExitCode.ShouldBe(0, run.Error);
        JsonElement kept = JsonDocument.Parse(run.Out).RootElement.GetProperty("events").EnumerateArray()
            .Single(refused => refused.GetProperty("event").GetString()!.Contains("twelve", StringComparison.Ordinal));
        kept.GetProperty("stream").GetString().ShouldBe("transactions");
        kept.GetProperty("field").GetString().ShouldBe("amount");
        kept.GetProperty("fix").GetString().ShouldNotBeNullOrEmpty();
        (await CommandRun.RunAsync(["quarantine", "--server", fixture.Store.Grpc])).Out.ShouldContain("amount");
    }

    private static int[] Ids(int count) => Enumerable.Range(Interlocked.Add(ref _nextId, count) - count, count).ToArray();

    private static string Row(int id, string time = "2018-04-01T00:00:31Z", string amount = "57.16") => $"{id},{time},596,3156,{amount},0\n";

    private Task<CommandRun> PushAsync(string file, params string[] more) =>
        CommandRun.RunAsync(["push", "--server", fixture.Store.Grpc, "--stream", "transactions", "--file", file, .. more]);

    private async Task<JsonElement> PushJsonAsync(string file, int expectedCode, byte[]? input = null, params string[] more)
    {
        CommandRun run = await CommandRun.RunAsync(["push", "--server", fixture.Store.Grpc, "--stream", "transactions", "--file", file, "--output", "json", .. more], input);
        run.ExitCode.ShouldBe(expectedCode, run.Error + run.Out);
        return JsonDocument.Parse(run.Out).RootElement;
    }

    private async Task ShouldBeUpAsync() =>
        (await CommandRun.RunAsync(["status", "--server", fixture.Store.Grpc])).ExitCode.ShouldBe(0);
}
