using System.Text;
using OrleansFeatures.Server.Files;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Files;

public sealed class InputFileTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("events.csv", "id,amount\n1,2.5\n")]
    [InlineData("events.txt", "id,amount\n1,2.5\n")]
    [InlineData("events.jsonl", "{\"id\":1,\"amount\":2.5}\n")]
    [InlineData("events.txt", "{\"id\":\"1\",\"amount\":\"2.5\"}")]
    [InlineData("events.csv", "\uFEFFid;amount\r\n1;2.5\r\n")]
    [InlineData("events.jsonl", "\uFEFF{\"id\":1,\"amount\":2.5}\r\n")]
    public void A_row_reads_the_same_in_every_format_plain_and_gzipped(string name, string text)
    {
        string plain = _directory.Write(name, text);
        string packed = _directory.Write(name + ".gz", Gzip.Of(text));

        foreach (string path in new[] { plain, packed })
        {
            Rows(path).ShouldBe(["1|2.5"], path);
        }
    }

    [Fact]
    public void Gzip_is_recognized_by_its_bytes_whatever_the_name_says()
    {
        Rows(_directory.Write("events.csv", Gzip.Of("id\n7\n"))).ShouldBe(["7"]);
    }

    [Fact]
    public void A_requested_format_overrides_the_name()
    {
        string path = _directory.Write("events.csv", "{\"id\":7}\n");
        using InputFile input = InputFile.Open(path, RowFormat.JsonLines);
        input.Rows.Columns.ShouldBe(["id"]);
    }

    [Theory]
    [InlineData("events.csv")]
    [InlineData("events.jsonl")]
    [InlineData("events.csv.gz")]
    public void An_empty_file_is_refused(string name)
    {
        Refusal(_directory.Write(name, "")).ShouldContain("the file is empty");
    }

    [Fact]
    public void A_gzip_of_nothing_is_refused_as_empty()
    {
        Refusal(_directory.Write("events.csv.gz", Gzip.Of(""))).ShouldContain("the file is empty");
    }

    [Fact]
    public void A_missing_file_is_a_usage_error()
    {
        CommandFailure failure = Should.Throw<CommandFailure>(() => InputFile.Open(_directory.File("nowhere.csv")));
        failure.Code.ShouldBe(ExitCode.Usage);
        failure.Message.ShouldContain("no such file");
    }

    [Fact]
    public void A_directory_is_a_usage_error()
    {
        CommandFailure failure = Should.Throw<CommandFailure>(() => InputFile.Open(_directory.Path));
        failure.Code.ShouldBe(ExitCode.Usage);
        failure.Message.ShouldContain("is a directory");
    }

    [Fact]
    public void A_picture_is_refused_as_not_text()
    {
        byte[] picture = [0x89, (byte)'P', (byte)'N', (byte)'G', 0, 0, 0, 13];
        Refusal(_directory.Write("events.csv", picture)).ShouldContain("zero byte at offset 4");
    }

    [Fact]
    public void A_workbook_is_refused_with_advice()
    {
        Refusal(_directory.Write("events.csv", "PK\u0003\u0004rest")).ShouldContain("export it as csv");
    }

    [Fact]
    public void Text_in_another_encoding_is_refused()
    {
        Refusal(_directory.Write("events.csv", Encoding.Latin1.GetBytes("id,städt\n1,x\n"))).ShouldContain("not UTF-8");
    }

    [Fact]
    public void A_name_that_promises_gzip_is_held_to_it()
    {
        Refusal(_directory.Write("events.csv.gz", "id\n1\n")).ShouldContain("named .gz but not gzip data");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(100)]
    [InlineData(20_000)]
    public void A_gzip_that_is_cut_off_ends_in_a_refusal_that_names_the_last_line(int bytesCut)
    {
        var text = new StringBuilder("id,noise\n");
        var random = new Random(7);
        for (int line = 0; line < 50_000; line++)
        {
            text.Append(line).Append(',').Append(random.Next()).Append('\n');
        }

        byte[] packed = Gzip.Of(text.ToString());
        string path = _directory.Write("events.csv.gz", packed[..^bytesCut]);
        using InputFile input = InputFile.Open(path);
        long rows = 0;
        CommandFailure failure = Should.Throw<CommandFailure>(() =>
        {
            while (input.Rows.Read())
            {
                rows++;
            }
        });
        failure.Code.ShouldBe(ExitCode.Refused);
        failure.Message.ShouldContain($"damaged or cut off after line {rows + 1}");
        rows.ShouldBeGreaterThan(1_000);
    }

    [Fact]
    public void A_gzip_with_only_its_magic_left_is_refused()
    {
        Refusal(_directory.Write("events.csv.gz", [0x1f, 0x8b])).ShouldContain("damaged or cut off");
    }

    [Fact]
    public void Bytes_read_reach_the_length_of_the_compressed_file()
    {
        using InputFile input = InputFile.Open(_directory.Write("events.csv.gz", Gzip.Of("id\n1\n2\n")));
        while (input.Rows.Read())
        {
        }

        input.BytesRead.ShouldBe(input.Length!.Value);
    }

    private static string Refusal(string path)
    {
        CommandFailure failure = Should.Throw<CommandFailure>(() => InputFile.Open(path));
        failure.Code.ShouldBe(ExitCode.Refused);
        failure.Message.ShouldStartWith(path);
        return failure.Message;
    }

    private static List<string> Rows(string path)
    {
        using InputFile input = InputFile.Open(path);
        var rows = new List<string>();
        while (input.Rows.Read())
        {
            input.Rows.Problem.ShouldBeNull();
            rows.Add(string.Join('|', Enumerable.Range(0, input.Rows.Columns.Count).Select(column => Encoding.UTF8.GetString(input.Rows.Cell(column)))));
        }

        return rows;
    }
}
