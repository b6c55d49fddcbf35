using System.Text;
using OrleansFeatures.Server.Files;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Files;

public sealed class RowReaderTests
{
    [Fact]
    public void Csv_lines_are_counted_through_blank_lines_and_quoted_line_breaks()
    {
        using RowReader rows = Csv("id,text\n1,a\n\n2,\"b\nb\"\n3,c\n");
        Read(rows).ShouldBe(["2: 1|a", "4: 2|b\nb", "6: 3|c"]);
    }

    [Fact]
    public void Csv_rows_with_too_few_or_too_many_cells_are_problems_and_the_rest_goes_on()
    {
        using RowReader rows = Csv("id,text\n1\n2,b,c\n3,c\n");
        List<string> read = Read(rows);
        read[0].ShouldStartWith("2: ! the row has 1 cell, the header 2");
        read[1].ShouldStartWith("3: ! the row has 3 cells, the header 2");
        read[2].ShouldBe("4: 3|c");
    }

    [Fact]
    public void Csv_stray_quotes_are_problems_and_the_rest_goes_on()
    {
        using RowReader rows = Csv("id,text\n1,a\"b\n2,\"b\"c\n3,\"a \"\"quote\"\"\"\n");
        List<string> read = Read(rows);
        read[0].ShouldStartWith("2: ! a quote stands inside");
        read[1].ShouldStartWith("3: ! text follows a closing quote");
        read[2].ShouldBe("4: 3|a \"quote\"");
    }

    [Fact]
    public void Csv_quote_that_is_never_closed_is_a_problem_of_the_line_where_it_opens()
    {
        using RowReader rows = Csv("id,text\n1,\"a\n2,b\n");
        Read(rows).ShouldHaveSingleItem().ShouldStartWith("2: ! a quoted cell is never closed");
    }

    [Fact]
    public void Csv_row_that_never_ends_is_refused_by_its_line_without_being_held_whole()
    {
        string endless = "id,text\n1,a\n2,\"" + new string('x', Limits.RowBytesMax * 3);
        using RowReader rows = Csv(endless);
        CommandFailure failure = Should.Throw<CommandFailure>(() => Read(rows));
        failure.Message.ShouldStartWith("test:3: a row longer than 32 MB");
    }

    [Fact]
    public void Csv_ten_megabyte_cell_is_read()
    {
        using RowReader rows = Csv("id,text\n1," + new string('x', 10_000_000) + "\n2,b\n");
        rows.Read().ShouldBeTrue();
        rows.Cell(1).Length.ShouldBe(10_000_000);
        Read(rows).ShouldBe(["3: 2|b"]);
    }

    [Fact]
    public void Csv_header_with_a_name_twice_is_refused()
    {
        Should.Throw<CommandFailure>(() => Csv("id,x,id\n1,2,3\n")).Message.ShouldContain("names column 'id' twice");
    }

    [Fact]
    public void Csv_empty_cells_are_null()
    {
        using RowReader rows = Csv("a,b\n,1\n");
        rows.Read().ShouldBeTrue();
        rows.IsNull(0).ShouldBeTrue();
        rows.IsNull(1).ShouldBeFalse();
    }

    [Fact]
    public void Json_keys_may_come_in_any_order_and_be_left_out()
    {
        using RowReader rows = Json("{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":2}\n{\"b\":null}\n");
        Read(rows).ShouldBe(["1: 1|x", "2: 2|y", "3: <null>|<null>"]);
    }

    [Fact]
    public void Json_text_is_unescaped_and_an_empty_text_is_not_null()
    {
        using RowReader rows = Json("{\"a\":\"K\\u00f6ln \\\"x\\\"\\n\",\"b\":\"\"}\n");
        Read(rows).ShouldBe(["1: Köln \"x\"\n|"]);
    }

    [Fact]
    public void Json_bad_lines_are_problems_with_their_line_and_the_rest_goes_on()
    {
        using RowReader rows = Json("{\"a\":1}\nnot json\n{\"a\":2\n[3]\n{\"a\":4} {\"a\":5}\n{\"a\":{\"x\":6}}\n{\"a\":7,\"a\":8}\n\n{\"a\":9}\n");
        List<string> read = Read(rows);
        read[0].ShouldBe("1: 1");
        read[1].ShouldStartWith("2: ! not JSON");
        read[2].ShouldStartWith("3: ! not JSON");
        read[3].ShouldStartWith("4: ! expected one JSON object per line");
        read[4].ShouldStartWith("5: ! not JSON");
        read[5].ShouldStartWith("6: ! key 'a' holds an object");
        read[6].ShouldStartWith("7: ! key 'a' stands twice");
        read[7].ShouldBe("9: 9");
    }

    [Fact]
    public void Json_line_with_bytes_that_are_not_utf8_is_a_problem()
    {
        byte[] line = [.. "{\"a\":1}\n{\"a\":\""u8, 0xff, .. "\"}\n{\"a\":3}\n"u8];
        using RowReader rows = new JsonLinesRowReader(new MemoryStream(line), "test");
        List<string> read = Read(rows);
        read[1].ShouldStartWith("2: ! ");
        read[2].ShouldBe("3: 3");
    }

    [Fact]
    public void Json_array_is_refused_with_advice()
    {
        Should.Throw<CommandFailure>(() => Json("[{\"a\":1}]")).Message.ShouldContain("jq -c");
    }

    [Fact]
    public void Json_first_line_that_is_no_object_refuses_the_file()
    {
        Should.Throw<CommandFailure>(() => Json("hello\n")).Message.ShouldStartWith("test:1: not JSON lines");
    }

    [Fact]
    public void Json_lines_longer_than_the_buffer_are_read_whole()
    {
        string big = new('x', Limits.ReadBufferBytes * 3);
        using RowReader rows = Json("{\"a\":1}\n{\"a\":\"" + big + "\"}\n{\"a\":3}");
        Read(rows).ShouldBe(["1: 1", "2: " + big, "3: 3"]);
    }

    [Fact]
    public void Json_lines_are_the_same_however_the_stream_hands_them_out()
    {
        string text = string.Concat(Enumerable.Range(0, 500).Select(line => $"{{\"a\":{line}}}\n"));
        using RowReader rows = new JsonLinesRowReader(new DripStream(Encoding.UTF8.GetBytes(text)), "test");
        Read(rows).Count.ShouldBe(500);
    }

    private static CsvRowReader Csv(string text) => new(new MemoryStream(Encoding.UTF8.GetBytes(text)), "test");

    private static JsonLinesRowReader Json(string text) => new(new MemoryStream(Encoding.UTF8.GetBytes(text)), "test");

    private static List<string> Read(RowReader rows)
    {
        var read = new List<string>();
        while (rows.Read())
        {
            IEnumerable<string> cells = Enumerable.Range(0, rows.Columns.Count)
                .Select(column => rows.IsNull(column) ? "<null>" : Encoding.UTF8.GetString(rows.Cell(column)));
            read.Add($"{rows.Line}: " + (rows.Problem is { } problem ? "! " + problem : string.Join('|', cells)));
        }

        return read;
    }

    /// <summary>Hands out one to three bytes at a time.</summary>
    private sealed class DripStream(byte[] bytes) : MemoryStream(bytes)
    {
        private int _turn;

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1 + (_turn++ % 3)));

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 1 + (_turn++ % 3))]);
    }
}
