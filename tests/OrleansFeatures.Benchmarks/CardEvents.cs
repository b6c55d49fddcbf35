using System.Globalization;
using System.IO.Compression;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Benchmarks;

/// <summary>
/// Card transactions, parsed and in memory, so that a benchmark measures the store and not the reading of a file: those of a file with the
/// columns event_id, event_time, customer_id, terminal_id, amount, fraud, or made-up ones of the same shape.
/// </summary>
internal sealed class CardEvents
{
    // Of the published file: 872,795 events of 4,990 customers at 10,000 terminals in 91 days.
    private const int Customers = 4_990;
    private const int Terminals = 10_000;
    private const long MicrosPerEvent = 91L * 86_400_000_000 / 872_795;
    private const long FirstMicros = 1_522_540_800_000_000; // 2018-04-01T00:00:00Z
    private const int Seed = 20180401;

    public List<long> Ids { get; } = [];

    public List<long> Times { get; } = [];

    public List<long> Customer { get; } = [];

    public List<long> Terminal { get; } = [];

    public List<double> Amounts { get; } = [];

    public List<bool> Frauds { get; } = [];

    public int Count => Ids.Count;

    /// <summary>The file of <c>--file</c>, or <c>--events</c> made-up ones; says which.</summary>
    public static CardEvents Of(Arguments arguments)
    {
        string file = arguments.Text("file") ?? Path.Combine(Places.Root, "..", "shared", "data", "fraud_events.csv.gz");
        bool made = arguments.Text("events") is not null || !File.Exists(file);
        CardEvents events = made ? Generate(arguments.Number("events", 872_795)) : Read(file);
        Console.WriteLine($"events:  {events.Count:N0}, {(made ? $"made up with seed {Seed}" : $"of {Path.GetFileName(file)}")}");
        return events;
    }

    private static CardEvents Read(string path)
    {
        var events = new CardEvents();
        using Stream file = File.OpenRead(path);
        using var reader = new StreamReader(path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file);
        reader.ReadLine();
        while (reader.ReadLine() is { } line)
        {
            string[] cells = line.Split(',');
            if (!EventTime.TryParse(cells[1], out EventTime time))
            {
                throw new FormatException($"{path}: '{cells[1]}' is not a time");
            }

            events.Add(Whole(cells[0]), time.Micros, Whole(cells[2]), Whole(cells[3]), double.Parse(cells[4], CultureInfo.InvariantCulture), cells[5] == "1");
        }

        return events;
    }

    private static CardEvents Generate(int count)
    {
        var events = new CardEvents();
        var random = new Random(Seed);
        for (int index = 0; index < count; index++)
        {
            events.Add(index, FirstMicros + (index * MicrosPerEvent), random.Next(Customers), random.Next(Terminals), Math.Round(random.NextDouble() * 200, 2), random.Next(100) == 0);
        }

        return events;
    }

    private static long Whole(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private void Add(long id, long time, long customer, long terminal, double amount, bool fraud)
    {
        Ids.Add(id);
        Times.Add(time);
        Customer.Add(customer);
        Terminal.Add(terminal);
        Amounts.Add(amount);
        Frauds.Add(fraud);
    }
}
