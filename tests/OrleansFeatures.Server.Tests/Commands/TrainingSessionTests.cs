using Grpc.Core;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Commands;

public sealed class TrainingSessionTests : IDisposable
{
    /// <summary>The JSON array ["a,\"b\"",0.3,null] as a csv cell.</summary>
    private const string List = "\"[\"\"a,\\\"\"b\\\"\"\"\",0.3,null]\"";

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Rows_keep_their_order_and_columns_and_gain_one_per_feature()
    {
        string[] output = await RunAsync("note,customer,as_of\n\"x, y\",1,1970-01-01T00:00:01Z\n,2,1970-01-01T00:00:02Z\n");
        output.ShouldBe(
        [
            "note,customer,as_of,n,mean,last",
            $"\"x, y\",1,1970-01-01T00:00:01Z,1000000,,{List}",
            $",2,1970-01-01T00:00:02Z,2000000,,{List}",
        ]);
    }

    [Fact]
    public async Task Many_rows_stream_both_ways_without_getting_stuck()
    {
        const int rows = 60_000;
        string text = "customer,as_of\n" + string.Join('\n', Enumerable.Range(0, rows).Select(row => $"{row},{new Domain.Events.EventTime(row * 1_000_000L + 1)}"));
        string[] output = await RunAsync(text);
        output.Length.ShouldBe(rows + 1);
        for (int row = 0; row < rows; row++)
        {
            output[row + 1].ShouldStartWith($"{row},");
            output[row + 1].ShouldContain($",{(row * 1_000_000L) + 1},{(0.1 + (row % 777)).ToString(System.Globalization.CultureInfo.InvariantCulture)},");
        }
    }

    [Fact]
    public async Task A_feature_named_like_a_column_makes_all_features_written_with_their_view()
    {
        string[] output = await RunAsync("customer,as_of,n\n1,1970-01-01T00:00:01Z,5\n");
        output[0].ShouldBe("customer,as_of,n,spend:n,spend:mean,spend:last");
    }

    [Fact]
    public async Task Json_rows_become_csv()
    {
        string[] output = await RunAsync("{\"customer\":7,\"as_of\":\"1970-01-01T00:00:01Z\",\"label\":null}\n", name: "rows.jsonl");
        output[0].ShouldBe("customer,as_of,label,n,mean,last");
        output[1].ShouldStartWith("7,1970-01-01T00:00:01Z,,1000000,");
    }

    [Theory]
    [InlineData("customer,as_of\n1,1970-01-01T00:00:01Z\n2,yesterday\n", ":3: column as_of: 'yesterday' is not a time")]
    [InlineData("customer,as_of\n1,\n", ":2: column as_of: '' is not a time")]
    [InlineData("customer,as_of\n1,1522540831\n", ":2: column as_of: '1522540831' is not a time")]
    [InlineData("customer,as_of\n1,1969-01-01T00:00:00Z\n", ":2: column as_of: 1969-01-01T00:00:00Z lies outside 1970 to 2100")]
    [InlineData("customer,as_of,known_at\n1,1970-01-01T00:00:01Z,soon\n", ":2: column known_at: 'soon' is not a time; write RFC 3339 with its zone, for example 2018-06-01T12:00:00Z (or 'now', or leave the cell empty")]
    [InlineData("customer,as_of\nx,1970-01-01T00:00:01Z\n", ":2: column customer: 'x' is not a valid int64 for the key field customer")]
    [InlineData("customer,as_of\n,1970-01-01T00:00:01Z\n", ":2: column customer: the key field customer is empty")]
    [InlineData("customer,as_of\n1\n", ":2: the row has 1 cell, the header 2")]
    [InlineData("client,as_of\n1,1970-01-01T00:00:01Z\n", ":1: no column for customer; found client, as_of; name the column, for example --map customer=client")]
    [InlineData("customer,as_of\n", ": no rows below the header")]
    public async Task A_bad_row_ends_the_command_with_its_line_and_leaves_no_file(string text, string expected)
    {
        CommandFailure failure = await Should.ThrowAsync<CommandFailure>(() => RunAsync(text));
        failure.Code.ShouldBe(ExitCode.Refused);
        failure.Message.ShouldContain(expected);
        Directory.GetFiles(_directory.Path).Select(Path.GetFileName).ShouldBe(["rows.csv"]);
    }

    [Fact]
    public async Task A_refusal_by_the_server_leaves_no_file()
    {
        var features = new FakeFeatures { FailWith = new Status(StatusCode.InvalidArgument, "feature service fraud needs terminal_id") };
        string text = "customer,as_of\n" + string.Concat(Enumerable.Repeat("1,1970-01-01T00:00:01Z\n", 50_000));
        CommandFailure failure = await Should.ThrowAsync<CommandFailure>(() => RunAsync(text, features));
        failure.Code.ShouldBe(ExitCode.Refused);
        failure.Message.ShouldContain("needs terminal_id");
        Directory.GetFiles(_directory.Path).Select(Path.GetFileName).ShouldBe(["rows.csv"]);
    }

    [Fact]
    public async Task Now_and_stream_are_instants_like_others()
    {
        string[] output = await RunAsync("customer,as_of\n1,now\n1,stream\n", streamMicros: 7_000_000);
        output[1].ShouldStartWith("1,now,9000000,");
        output[2].ShouldStartWith("1,stream,7000000,");
        CommandFailure failure = await Should.ThrowAsync<CommandFailure>(() => RunAsync("customer,as_of\n1,stream\n"));
        failure.Message.ShouldContain("'stream' has no time yet");
    }

    [Fact]
    public async Task A_column_known_at_says_what_was_known_for_each_row_and_passes_through()
    {
        var features = new FakeFeatures();
        string[] output = await RunAsync("customer,as_of,known_at\n1,1970-01-01T00:00:01Z,1970-01-01T00:00:02Z\n1,1970-01-01T00:00:01Z,\n1,1970-01-01T00:00:01Z,now\n", features);
        features.KnownAt.ShouldBe([2_000_000, long.MaxValue, 9_000_000]);
        output[0].ShouldBe("customer,as_of,known_at,n,mean,last");
        output[1].ShouldStartWith("1,1970-01-01T00:00:01Z,1970-01-01T00:00:02Z,1000000,");
        output[2].ShouldStartWith("1,1970-01-01T00:00:01Z,,1000000,");
    }

    [Fact]
    public async Task One_column_may_be_both_instants()
    {
        var features = new FakeFeatures();
        await RunAsync("customer,at\n1,1970-01-01T00:00:03Z\n", features, map: ["as_of=at", "known_at=at"]);
        features.KnownAt.ShouldBe([3_000_000]);
    }

    [Fact]
    public async Task Rows_without_known_at_ask_for_everything_known_today()
    {
        var features = new FakeFeatures();
        await RunAsync("customer,as_of\n1,1970-01-01T00:00:03Z\n", features);
        features.KnownAt.ShouldBeEmpty();
    }

    [Fact]
    public async Task Columns_of_request_fields_become_context_in_their_types_and_empty_cells_null()
    {
        var features = new FakeFeatures();
        await RunAsync(
            "customer,as_of,amount,request.note\n1,1970-01-01T00:00:01Z,12.5,x\n2,1970-01-01T00:00:02Z,,\n", features, map: ["request.amount=amount"], request: [Amount, Note]);
        features.Context.Select(column => column.Field).ShouldBe(["amount", "note"]);
        features.Context[0].Values.Doubles.ShouldBe([12.5, 0]);
        features.Context[1].Values.Strings.ShouldBe(["x", ""]);
        features.Context.ShouldAllBe(column => column.Values.Nulls.SequenceEqual(new byte[] { 0b10 }));
    }

    [Fact]
    public async Task A_request_field_without_a_column_is_named_and_a_bad_cell_too()
    {
        (await Should.ThrowAsync<CommandFailure>(() => RunAsync("customer,as_of,amount\n1,1970-01-01T00:00:01Z,1\n", request: [Amount])))
            .Message.ShouldContain(":1: no column for request.amount; found customer, as_of, amount; name the column, for example --map request.amount=amount");
        (await Should.ThrowAsync<CommandFailure>(() => RunAsync("customer,as_of,request.amount\n1,1970-01-01T00:00:01Z,much\n", request: [Amount])))
            .Message.ShouldContain(":2: column request.amount: 'much' is not a valid double for the request field amount");
    }

    private static Field Amount { get; } = new() { Name = "amount", Type = FieldType.Double };

    private static Field Note { get; } = new() { Name = "note", Type = FieldType.String };

    [Fact]
    public async Task An_output_named_gz_is_gzipped()
    {
        string[] output = await RunAsync("customer,as_of\n1,1970-01-01T00:00:01Z\n", outName: "out.csv.gz");
        output.Length.ShouldBe(2);
    }

    private async Task<string[]> RunAsync(string text, FakeFeatures? features = null, string name = "rows.csv", string outName = "out.csv", long? streamMicros = null, string[]? map = null, Field[]? request = null)
    {
        await using FakeStore store = await FakeStore.StartAsync(new FakeIngest(), features);
        using var connection = new ServerConnection(store.Address);
        string rows = _directory.Write(name, text);
        string output = _directory.File(outName);
        var keys = new KeySchema("fraud", [new KeyField("customer", FieldType.Int64)], []) { RequestFields = request ?? [] };
        await new TrainingSession(connection, rows, output, keys, ColumnMap.Parse(map ?? []), new TrainingClock(DateTimeOffset.UnixEpoch.AddSeconds(9), streamMicros)).RunAsync(TestContext.Current.CancellationToken);
        await using Stream file = File.OpenRead(output);
        await using Stream plain = outName.EndsWith(".gz", StringComparison.Ordinal) ? new System.IO.Compression.GZipStream(file, System.IO.Compression.CompressionMode.Decompress) : file;
        return (await new StreamReader(plain).ReadToEndAsync(TestContext.Current.CancellationToken)).TrimEnd('\n').Split('\n');
    }
}
