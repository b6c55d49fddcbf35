using System.Text;
using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Files;

public sealed class EventBatcherTests : IDisposable
{
    private static readonly Definition Transactions = new()
    {
        Kind = "stream",
        Name = "transactions",
        Version = 3,
        Stream = new StreamSchema
        {
            EventId = "tx_id",
            EventTime = "tx_time",
            Fields =
            {
                new Field { Name = "tx_id", Type = FieldType.Int64 },
                new Field { Name = "tx_time", Type = FieldType.Timestamp },
                new Field { Name = "city", Type = FieldType.String },
                new Field { Name = "amount", Type = FieldType.Double },
                new Field { Name = "fraud", Type = FieldType.Bool },
            },
        },
    };

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Good_rows_become_columns_in_the_schemas_order()
    {
        List<PushBatch> batches = Batches("amount,fraud,city,tx_id,tx_time\n1.5,1,Ulm,7,2018-04-01T00:00:00Z\n2.5,0,Bonn,8,2018-04-01T00:00:01Z\n");

        PushBatch batch = batches.ShouldHaveSingleItem();
        batch.Lines.ShouldBe([2L, 3L]);
        batch.Request.Stream.ShouldBe("transactions");
        batch.Request.SchemaVersion.ShouldBe(3u);
        batch.Request.FieldNames.ShouldBe(["tx_id", "tx_time", "city", "amount", "fraud"]);
        ColumnEvents columns = batch.Request.Columns;
        columns.Count.ShouldBe(2u);
        columns.Columns[0].Int64S.ShouldBe([7L, 8L]);
        columns.Columns[1].TimestampsMicros.ShouldBe([1_522_540_800_000_000, 1_522_540_801_000_000]);
        columns.Columns[2].Strings.ShouldBe(["Ulm", "Bonn"]);
        columns.Columns[3].Doubles.ShouldBe([1.5, 2.5]);
        columns.Columns[4].Bools.ShouldBe([true, false]);
    }

    [Fact]
    public void Empty_cells_are_marked_in_the_null_bitmap()
    {
        var text = new StringBuilder("tx_id,tx_time,city,amount,fraud\n");
        for (int row = 0; row < 20; row++)
        {
            text.Append(row).Append(",2018-04-01T00:00:00Z,x,").Append(row is 3 or 17 ? "" : "1").Append(",0\n");
        }

        Column amount = Batches(text.ToString()).ShouldHaveSingleItem().Request.Columns.Columns[3];
        amount.Doubles.Count.ShouldBe(20);
        Enumerable.Range(0, 20).Where(row => row / 8 < amount.Nulls.Length && (amount.Nulls[row / 8] >> (row % 8) & 1) == 1).ShouldBe([3, 17]);
    }

    [Fact]
    public void A_row_with_a_cell_that_does_not_parse_goes_as_raw_text_and_keeps_its_line()
    {
        List<PushBatch> batches = Batches(
            "tx_id,tx_time,city,amount,fraud\n1,2018-04-01T00:00:00Z,x,1,0\n2,2018-04-01T00:00:00Z,,abc,0\n3,2018-04-01T00:00:00Z,x,1,0\n4,1522540831,x,NaN,0\n");

        batches.Count.ShouldBe(2);
        batches[0].Lines.ShouldBe([2L, 4L]);
        batches[1].Lines.ShouldBe([3L, 5L]);
        EventRow first = batches[1].Request.Rows.Rows[0];
        first.Values[0].Int64.ShouldBe(2);
        first.Values[2].KindCase.ShouldBe(Value.KindOneofCase.None);
        first.Values[3].String.ShouldBe("abc");
        first.Values[4].Bool.ShouldBeFalse();
        EventRow second = batches[1].Request.Rows.Rows[1];
        second.Values[1].String.ShouldBe("1522540831");
        second.Values[3].String.ShouldBe("NaN");
    }

    [Fact]
    public void Columns_found_under_another_name_are_mapped()
    {
        PushBatch batch = Batches("id,tx_time,city,amount\n7,2018-04-01T00:00:00Z,x,1\n", ["tx_id=id", "fraud="]).ShouldHaveSingleItem();
        batch.Request.FieldNames.ShouldBe(["tx_id", "tx_time", "city", "amount"]);
    }

    [Fact]
    public void The_null_bitmap_covers_the_events_after_the_last_null_too()
    {
        string text = "tx_id,tx_time,city,amount,fraud\n" + string.Concat(Enumerable.Range(0, 20).Select(row => $"{row},2018-04-01T00:00:00Z,x,{(row == 2 ? "" : "1")},0\n"));
        ColumnEvents columns = Batches(text).ShouldHaveSingleItem().Request.Columns;
        columns.Columns[3].Nulls.ToByteArray().ShouldBe([4, 0, 0]);
        columns.Columns[2].Nulls.ShouldBeEmpty();
    }

    [Fact]
    public void Missing_columns_are_all_named_with_what_was_found_and_an_example()
    {
        CommandFailure failure = Should.Throw<CommandFailure>(() => Batches("id,tx_time,city,value\n"));
        failure.Code.ShouldBe(ExitCode.Refused);
        failure.Message.ShouldContain("no column for tx_id, amount, fraud");
        failure.Message.ShouldContain("found id, tx_time, city, value");
        failure.Message.ShouldContain("--map tx_id=id");
    }

    [Fact]
    public void Mapping_a_field_that_does_not_exist_suggests_the_nearest()
    {
        CommandFailure failure = Should.Throw<CommandFailure>(() => Batches("tx_id,tx_time,city,amount,fraud\n", ["amuont=amount"]));
        failure.Code.ShouldBe(ExitCode.Usage);
        failure.Message.ShouldContain("did you mean 'amount'?");
    }

    [Fact]
    public void Producers_are_named_once_per_batch_and_given_per_event()
    {
        PushBatch batch = Batches(
            "tx_id,tx_time,city,amount,fraud,pos\n1,2018-04-01T00:00:00Z,x,1,0,b\n2,2018-04-01T00:00:00Z,x,1,0,a\n3,2018-04-01T00:00:00Z,x,1,0,b\n",
            producer: "pos").ShouldHaveSingleItem();
        batch.Request.Producers.ShouldBe(["b", "a"]);
        batch.Request.ProducerOfEvent.ShouldBe([0u, 1u, 0u]);
    }

    [Fact]
    public void A_ten_megabyte_field_travels_and_a_row_over_the_limit_is_named()
    {
        string path = _directory.Write("big.csv",
            "tx_id,tx_time,city,amount,fraud\n1,2018-04-01T00:00:00Z," + new string('x', 10_000_000) + ",1,0\n2,2018-04-01T00:00:00Z," + new string('x', Limits.PushRowBytesMax) + ",1,0\n");
        using InputFile input = InputFile.Open(path);
        var batcher = new EventBatcher(EventMapping.Resolve(Transactions, ColumnMap.Parse([]), null, Operation.Insert, input));
        input.Rows.Read().ShouldBeTrue();
        batcher.Add(input.Rows).ShouldBeNull();
        batcher.IsFull.ShouldBeTrue();
        input.Rows.Read().ShouldBeTrue();
        batcher.Add(input.Rows).ShouldNotBeNull().ShouldContain("at most 15,728,640 can be sent");
    }

    [Fact]
    public void Operations_and_arrival_times_come_from_their_columns_and_an_empty_cell_is_the_default()
    {
        PushBatch batch = Batches(
            "tx_id,tx_time,city,amount,fraud,op,seen\n1,2018-04-01T00:00:00Z,x,1,0,Upsert,2018-04-02T00:00:00Z\n2,2018-04-01T00:00:00Z,x,1,0,,\n3,,,,,delete,\n",
            ["op=op", "arrival_time=seen"]).ShouldHaveSingleItem();
        batch.Request.OperationOfEvent.ShouldBe([Operation.Upsert, Operation.Insert, Operation.Delete]);
        batch.Request.ArrivalTimeMicros.ShouldBe([1_522_627_200_000_000, 0, 0]);
    }

    [Fact]
    public void A_column_whose_name_only_an_envelope_can_have_needs_no_mapping_and_one_that_a_field_might_have_does()
    {
        const string row = ",2018-04-01T00:00:00Z,x,1,0,delete\n";
        Batches("tx_id,tx_time,city,amount,fraud,@op\n1" + row)[0].Request.OperationOfEvent.ShouldBe([Operation.Delete]);
        Batches("tx_id,tx_time,city,amount,fraud,op\n1" + row)[0].Request.OperationOfEvent.ShouldBeEmpty();
    }

    [Fact]
    public void A_file_of_deletes_needs_the_event_id_only()
    {
        PushBatch batch = Batches("note,tx_id,amount\nx,7,abc\ny,8,\n", operation: Operation.Delete).ShouldHaveSingleItem();
        batch.Request.Operation.ShouldBe(Operation.Delete);
        batch.Request.FieldNames.ShouldBe(["tx_id"]);
        batch.Request.Columns.Columns.ShouldHaveSingleItem().Int64S.ShouldBe([7L, 8L]);
    }

    [Fact]
    public void Of_a_delete_among_others_only_the_id_is_sent_so_that_it_keeps_its_place_in_the_order()
    {
        List<PushBatch> batches = Batches("tx_id,tx_time,city,amount,fraud,@op\n1,yesterday,x,abc,0,delete\n1,2018-04-01T00:00:00Z,x,1,0,upsert\n");
        PushBatch batch = batches.ShouldHaveSingleItem();
        batch.Lines.ShouldBe([2L, 3L]);
        batch.Request.OperationOfEvent.ShouldBe([Operation.Delete, Operation.Upsert]);
        batch.Request.Columns.Columns[3].Doubles.ShouldBe([0, 1]);
        batch.Request.Columns.Columns[3].Nulls.ToByteArray().ShouldBe([1]);
    }

    [Fact]
    public void A_row_that_does_not_say_what_it_does_is_not_sent()
    {
        Problem("tx_id,tx_time,city,amount,fraud,@op\n1,2018-04-01T00:00:00Z,x,1,0,remove\n").ShouldBe("column @op: 'remove' is no operation; write insert, upsert, delete, or leave the cell empty");
        Problem("tx_id,tx_time,city,amount,fraud,@arrival_time\n1,2018-04-01T00:00:00Z,x,1,0,1970-01-01T00:00:00Z\n")!.ShouldContain("is not a time after 1970");
    }

    [Fact]
    public void One_thing_is_mapped_once()
    {
        const string csv = "tx_id,tx_time,city,amount,fraud,a,b\n";
        Should.Throw<CommandFailure>(() => Batches(csv, ["op=a", "@op=b"])).Message.ShouldContain("--map op=...: @op is mapped too");
        Should.Throw<CommandFailure>(() => Batches(csv, ["producer=a"], producer: "b")).Message.ShouldContain("--producer-field b: --map names a column of the producers too");
        Should.Throw<CommandFailure>(() => Batches(csv, ["arrival_time=c"])).Message.ShouldContain("no column for arrival_time (mapped to 'c')");
    }

    [Fact]
    public void A_field_goes_before_what_has_its_name_with_a_sign()
    {
        Definition stream = Transactions.Clone();
        stream.Stream.Fields.Add(new Field { Name = "op", Type = FieldType.String });
        using InputFile input = InputFile.Open(_directory.Write("ops.csv", "tx_id,tx_time,city,amount,fraud,a,b\n1,2018-04-01T00:00:00Z,x,1,0,buy,delete\n"));
        EventMapping mapping = EventMapping.Resolve(stream, ColumnMap.Parse(["op=a", "@op=b"]), null, Operation.Insert, input);
        (mapping.Fields[^1].Name, mapping.Fields[^1].Column, mapping.Envelope.Operation).ShouldBe(("op", 5, 6));
    }

    [Fact]
    public void Any_line_of_json_may_say_what_it_does()
    {
        const string fields = "\"tx_time\":\"2018-04-01T00:00:00Z\",\"city\":\"x\",\"amount\":1,\"fraud\":false";
        PushBatch batch = Batches($"{{\"tx_id\":1,{fields}}}\n{{\"tx_id\":1,\"@op\":\"delete\",\"@producer\":\"desk\"}}\n", name: "events.jsonl").ShouldHaveSingleItem();
        batch.Request.OperationOfEvent.ShouldBe([Operation.Insert, Operation.Delete]);
        batch.Request.Producers.ShouldBe(["", "desk"]);
        batch.Request.ArrivalTimeMicros.ShouldBeEmpty();
    }

    [Fact]
    public void Json_takes_its_producer_from_the_column_that_the_option_names()
    {
        const string fields = "\"tx_time\":\"2018-04-01T00:00:00Z\",\"city\":\"x\",\"amount\":1,\"fraud\":false";
        Batches($"{{\"tx_id\":1,{fields},\"till\":7}}\n", producer: "till", name: "events.jsonl").ShouldHaveSingleItem().Request.Producers.ShouldBe(["7"]);
    }

    private string? Problem(string csv)
    {
        using InputFile input = InputFile.Open(_directory.Write("events.csv", csv));
        var batcher = new EventBatcher(EventMapping.Resolve(Transactions, ColumnMap.Parse([]), null, Operation.Insert, input));
        input.Rows.Read().ShouldBeTrue();
        return batcher.Add(input.Rows);
    }

    private List<PushBatch> Batches(string text, string[]? map = null, string? producer = null, Operation operation = Operation.Insert, string name = "events.csv")
    {
        using InputFile input = InputFile.Open(_directory.Write(name, text));
        var batcher = new EventBatcher(EventMapping.Resolve(Transactions, ColumnMap.Parse(map ?? []), producer, operation, input));
        while (input.Rows.Read())
        {
            batcher.Add(input.Rows).ShouldBeNull();
        }

        return batcher.Take().ToList();
    }
}
