using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.Server;
using OrleansFeatures.Server.Files;
using OrleansFeatures.V1;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// Rows of a file, csv or JSON lines, as <c>push</c> reads them: into batches, which the server must never refuse as a whole. Cells of rows without a problem, written anew, read as they were.
/// </summary>
internal sealed class RowsTarget(bool isCsv) : FuzzTarget
{
    private readonly EventOracle _oracle = new();

    public override string Name => isCsv ? "csv" : "jsonl";

    public override IReadOnlyList<byte[]> Tokens { get; } = isCsv
        ? Words(",", ";", "\t", "|", "\"", "\"\"", "\n", "\r\n", "\r", "\uFEFF", "id,at,shop", "_op", "@op", "@arrival_time", "@producer", "delete", "upsert", "insert", "\"a\nb\"", "true", "2018-04-01T00:00:31Z", "\0")
        : Words("{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ude00", "null", "true", "false", "1e5", "\n", "\r\n", "\uFEFF", "\"id\":", "\"@op\":\"delete\"", "\"@producer\":", "{}", "[[[[[[[[", "//", "2018-04-01T00:00:31Z");

    /// <summary>The readers' buffers, and JSON's scratch room.</summary>
    public override long AllocationMax(int length) => (8 * Limits.AllocationBase) + (length * 4_000L);

    public override IEnumerable<byte[]> Seeds()
    {
        foreach (StreamPlan stream in (StreamPlan[])[Examples.Orders, Examples.Clicks])
        {
            yield return Encoding.UTF8.GetBytes(Text(stream, 6, "\n"));
            yield return Encoding.UTF8.GetBytes("\uFEFF" + Text(stream, 2, "\r\n"));
        }

        yield return isCsv
            ? Encoding.UTF8.GetBytes("shop;id;at;@op;@arrival_time;@producer\n\"s; \"\"1\"\"\";a;2018-04-01T00:00:31Z;upsert;2018-04-02T00:00:00Z;till\nx;b;;delete;;\n")
            : Encoding.UTF8.GetBytes("{\"id\":\"a\",\"at\":\"2018-04-01T00:00:31Z\",\"shop\":\"s\",\"@op\":\"delete\",\"more\":[1,{\"x\":2}]}\n\n{\"id\":7,\"amount\":1e2,\"paid\":true,\"note\":null}\n");
    }

    public override Verdict Run(byte[] input)
    {
        try
        {
            using RowReader reader = Open(input);
            return Push(reader);
        }
        catch (CommandFailure failure)
        {
            WrongAnswerException.Unless(failure.Message.StartsWith("f:", StringComparison.Ordinal) && failure.Code == ExitCode.Refused, $"a failure does not say where: {failure.Message}");
            return Verdict.Refuse(failure.Message[2..].TrimStart('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ' '));
        }
    }

    private RowReader Open(byte[] input) => isCsv ? new CsvRowReader(new MemoryStream(input), "f") : new JsonLinesRowReader(new MemoryStream(input), "f");

    private Verdict Push(RowReader reader)
    {
        StreamPlan stream = reader.IndexOf("click") >= 0 ? Examples.Clicks : Examples.Orders;
        MappedField[] fields = [.. stream.Fields.Select(field => new MappedField(field.Name, field.Type, reader.IndexOf(field.Name, learn: !isCsv))).Where(field => field.Column >= 0)];
        int ColumnOf(int name) => reader.IndexOf(EnvelopeName.All[name].Name);
        var envelope = new EnvelopeMapping
        {
            Producer = ColumnOf(EnvelopeName.Producer),
            Operation = ColumnOf(EnvelopeName.Operation),
            Arrival = ColumnOf(EnvelopeName.ArrivalTime),
            IdField = Array.FindIndex(fields, field => field.Name == stream.Definition.EventId),
        };
        var batcher = new EventBatcher(new EventMapping(stream.Name, 0, fields, envelope), eventsPerBatch: 7);
        string last = "";
        long line = 0;
        int rows = 0;
        while (reader.Read())
        {
            WrongAnswerException.Unless(reader.Line >= line, "lines go backwards");
            line = reader.Line;
            rows++;
            if (reader.Problem is null && isCsv)
            {
                WrittenAnew(reader);
            }

            last = batcher.Add(reader) ?? last;
            if (batcher.IsFull)
            {
                last = Send(batcher, last);
            }
        }

        last = Send(batcher, last);
        return rows > 0 ? Verdict.Accept($"{Math.Min(rows, 3)} rows, {Math.Min(fields.Length, 9)} fields, {last}") : Verdict.Refuse("no rows");
    }

    private string Send(EventBatcher batcher, string last)
    {
        foreach (PushBatch batch in batcher.Take())
        {
            WrongAnswerException.Unless(batch.Lines.Length > 0, "a batch is empty");
            try
            {
                EventSource source = batch.Request.EventsCase == PushRequest.EventsOneofCase.Rows ? new RowSource(batch.Request) : new ColumnSource(batch.Request);
                WrongAnswerException.Unless(source.Count == batch.Lines.Length, "a batch has other lines than events");
                last = _oracle.Check(source).Kind;
            }
            catch (RequestRefusedException refused) when (refused.Refusal.Field.StartsWith("producer", StringComparison.Ordinal))
            {
                // A producer's name may be too long, which nobody has looked at before.
                last = refused.Message;
            }
        }

        return last;
    }

    private static void WrittenAnew(RowReader reader)
    {
        byte[][] cells = [.. reader.Columns.Select((_, column) => reader.Cell(column).ToArray())];
        if (!cells.Any(cell => cell.Length > 0) || cells.Any(cell => !System.Text.Unicode.Utf8.IsValid(cell)))
        {
            return;
        }

        string header = string.Join(',', cells.Select((_, column) => $"c{column}"));
        string row = string.Join(',', cells.Select(cell => $"\"{Encoding.UTF8.GetString(cell).Replace("\"", "\"\"", StringComparison.Ordinal)}\""));
        using var again = new CsvRowReader(new MemoryStream(Encoding.UTF8.GetBytes($"{header}\n{row}\n")), "again");
        WrongAnswerException.Unless(again.Read() && again.Problem is null, $"a row that was read cannot be read again: {row} {again.Problem}");
        for (int column = 0; column < cells.Length; column++)
        {
            WrongAnswerException.Unless(again.Cell(column).SequenceEqual(cells[column]), $"cell {column} is other when it is read again: {row}");
        }
    }

    private string Text(StreamPlan stream, int rows, string end)
    {
        var text = new StringBuilder(isCsv ? string.Join(',', stream.Fields.Select(field => field.Name)) + end : "");
        for (int number = 0; number < rows; number++)
        {
            Value[] fields = Examples.Event(stream, number);
            IEnumerable<string> cells = fields.Select((value, position) => isCsv
                ? value.Type == Domain.Events.FieldType.String ? $"\"{value}\"" : value.ToString()
                : $"\"{stream.Fields[position].Name}\":{(value.Type is Domain.Events.FieldType.String or Domain.Events.FieldType.Timestamp ? $"\"{value}\"" : value.ToString())}");
            text.Append(isCsv ? string.Join(',', cells) : $"{{{string.Join(',', cells)}}}").Append(end);
        }

        return text.ToString();
    }
}
