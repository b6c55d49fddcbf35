using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Tests.Properties;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>A chunk beside a list of rows: whatever is written comes out again, however often it is packed anew, split or shortened.</summary>
public sealed class ChunkProperties
{
    private static readonly FieldType[] Types = [FieldType.Int64, FieldType.Double, FieldType.Bool, FieldType.Timestamp, FieldType.String];

    [Fact]
    public void What_is_written_into_a_chunk_comes_out_again() =>
        Property.Holds(400, Property.FromRandom(random => random.Next()), seed => Check(new Random(seed), seed));

    [Fact]
    public void Any_number_that_a_packing_takes_it_gives_back() => Property.Holds(5_000, Property.FromRandom(Packing), packing =>
    {
        if (packing.Shape.TryEncode(packing.Value, packing.Base, out long code))
        {
            packing.Shape.Decode(code, packing.Base).ShouldBe(packing.Value);
            if (packing.Shape.HasBase)
            {
                long limit = 1L << ((8 * packing.Shape.Width) - 1);
                code.ShouldBeInRange(-limit, limit - 1);
            }
        }
    });

    /// <summary>A stream of ten columns of wild sizes would have millions of packings.</summary>
    [Fact]
    public void Of_more_packings_than_a_layout_may_have_the_rest_is_not_packed()
    {
        const int seed = 17;
        var random = new Random(seed);
        FieldType[] types = [.. Enumerable.Repeat(FieldType.Int64, 10)];
        RowLayout layout = LayoutOf(types, filtered: false);
        for (int chunk = 0; chunk < 4_000; chunk++)
        {
            List<long[]> rows = [.. Enumerable.Range(0, 4).Select(_ => Near(random, layout))];
            int[] bits = [.. types.Select(_ => random.Next(62))];
            foreach (long[] row in rows)
            {
                for (int column = 0; column < types.Length; column++)
                {
                    row[RowLayout.FirstColumn + column] = random.NextInt64(1L << bits[column]);
                }
            }

            uint handle = Chunk.Create(layout, rows[0], 4);
            for (int row = 1; row < rows.Count; row++)
            {
                Chunk.Insert(layout, ref handle, row, rows[row]);
            }

            ShouldHold(layout, handle, rows, seed);
            Chunk.Open(layout, handle).Shape.Id.ShouldBeLessThan((ushort)Limits.ChunkShapesMax);
        }
    }

    [Fact]
    public void A_correction_leaves_the_packing_of_chunks_to_come_alone()
    {
        RowLayout layout = LayoutOf(Types, filtered: false);
        var random = new Random(3);
        uint handle = Chunk.Create(layout, Near(random, layout), 4);
        Chunk.Set(layout, ref handle, RowLayout.Until, 0, long.MaxValue - 1_600_000_000_000_000);
        Chunk.Insert(layout, ref handle, 1, Near(random, layout));
        long[] wide = Near(random, layout);
        wide[RowLayout.FirstColumn] = long.MaxValue;
        Chunk.Insert(layout, ref handle, 2, wide);
        Chunk.Open(layout, handle).Shape.Columns[RowLayout.Until].Width.ShouldBe((byte)8);
        layout.Current.Columns[RowLayout.Until].ShouldBe(ColumnShape.Zero);
        layout.Current.Columns[RowLayout.FirstColumn].ShouldBe(ColumnShape.Whole);
    }

    private static long[] Near(Random random, RowLayout layout) => [.. Enumerable.Range(0, layout.CellCount).Select(cell => cell is RowLayout.Until or RowLayout.Flags ? 0 : Near(random, cell))];

    private static (ColumnShape Shape, long Value, long Base) Packing(Random random)
    {
        ColumnShape shape = ScenarioMaker.Pick(random, [ColumnShape.Zero, new(1, 1), new(2, 1), new(4, 1), new(4, 1_000), new(4, 1_000_000), ColumnShape.Whole]);
        long @base = Number(random, 0);
        return (shape, random.Next(3) == 0 ? Number(random, 0) : unchecked(@base + (random.NextInt64(-10, 10) * (1L << random.Next(45)) * shape.Unit)), @base);
    }

    private static void Check(Random random, int seed)
    {
        RowLayout layout = LayoutOf(Types, random.Next(2) == 0);
        var rows = new List<long[]>();
        int style = random.Next(3);
        long[] first = Row(random, layout, style);
        uint handle = Chunk.Create(layout, first, 4);
        rows.Add(first);
        for (int operation = 0; operation < 200; operation++)
        {
            switch (random.Next(12))
            {
                case 0 when rows.Count > 1:
                    int dropped = random.Next(1, rows.Count);
                    Chunk.Open(layout, handle).DropFirst(dropped);
                    rows.RemoveRange(0, dropped);
                    break;
                case 1 when rows.Count > 1:
                    int from = random.Next(1, rows.Count);
                    uint newer = Chunk.Split(layout, handle, from, Limits.ChunkRowsMax);
                    ShouldHold(layout, newer, rows[from..], seed);
                    Chunk.Free(layout, newer);
                    rows.RemoveRange(from, rows.Count - from);
                    break;
                case 2:
                    int row = random.Next(rows.Count);
                    long until = long.MaxValue - random.NextInt64(1L << random.Next(1, 62));
                    Chunk.Set(layout, ref handle, RowLayout.Until, row, until);
                    rows[row][RowLayout.Until] = until;
                    break;
                case var _ when rows.Count < Limits.ChunkRowsMax:
                    long[] added = Row(random, layout, style);
                    int at = random.Next(rows.Count + 1);
                    Chunk.Insert(layout, ref handle, at, added);
                    rows.Insert(at, added);
                    break;
            }

            ShouldHold(layout, handle, rows, seed);
        }

        Chunk.Free(layout, handle);
        layout.Memory.Slabs.UsedBytes.ShouldBe(0, $"seed {seed}: a block was not given back");
    }

    private static void ShouldHold(RowLayout layout, uint handle, List<long[]> rows, int seed)
    {
        Chunk chunk = Chunk.Open(layout, handle);
        chunk.Count.ShouldBe(rows.Count);
        Span<long> read = stackalloc long[Limits.ChunkRowsMax];
        for (int cell = 0; cell < layout.CellCount; cell++)
        {
            chunk.Read(cell, 0, rows.Count, read);
            for (int row = 0; row < rows.Count; row++)
            {
                if (!layout.IsNull(cell, rows[row][RowLayout.Flags]) && (read[row] != rows[row][cell] || chunk[cell, row] != rows[row][cell]))
                {
                    Assert.Fail($"seed {seed}: cell {cell} of row {row} was {rows[row][cell]} and reads {read[row]} and {chunk[cell, row]}");
                }
            }
        }
    }

    /// <summary>Any numbers at all; or such as streams have, most of them near each other; or those with some far away.</summary>
    private static long[] Row(Random random, RowLayout layout, int style)
    {
        var row = new long[layout.CellCount];
        ulong nulls = 0;
        for (int cell = 0; cell < row.Length; cell++)
        {
            bool isText = cell >= RowLayout.FirstColumn && layout.Plan.Columns[cell - RowLayout.FirstColumn].Type == FieldType.String;
            row[cell] = isText ? random.NextInt64(1L << random.Next(1, 33)) : style == 0 || (style == 2 && random.Next(40) == 0) ? Number(random, cell) : Near(random, cell);
            if (cell >= RowLayout.FirstColumn && random.Next(8) == 0)
            {
                nulls |= layout.Plan.Columns[cell - RowLayout.FirstColumn].NullBit;
                row[cell] = 0;
            }
        }

        row[RowLayout.Until] = 0;
        row[RowLayout.Flags] = (long)(nulls | (uint)random.Next(4));
        return row;
    }

    private static long Near(Random random, int cell) => cell switch
    {
        RowLayout.Time => 1_600_000_000_000_000 + (random.Next(100_000) * 1_000L),
        RowLayout.Arrival => 1_600_000_001_000_000 + random.Next(100_000_000),
        RowLayout.Id => 1_700_000_000_000_000_000 + random.Next(100_000),
        _ => random.Next(-100, 1_000),
    };

    private static long Number(Random random, int cell) => random.Next(6) switch
    {
        0 => long.MinValue + (cell % 2),
        1 => long.MaxValue - (cell % 2),
        2 => 0,
        3 => random.NextInt64(long.MinValue, long.MaxValue),
        4 => 1_521_676_800_000_000 + (random.NextInt64(-5_000_000, 5_000_000) * ScenarioMaker.Pick(random, [1L, 1_000, 1_000_000])),
        _ => random.NextInt64(-300, 300),
    };

    private static RowLayout LayoutOf(FieldType[] types, bool filtered)
    {
        FieldDefinition[] fields = [new("id", FieldType.Int64), new("time", FieldType.Timestamp), new("key", FieldType.String), .. types.Select((type, index) => new FieldDefinition($"f{index}", type))];
        FeatureDefinition[] features = [.. types.Select((_, index) => new FeatureDefinition($"n{index}", $"last(f{index})", Duration.Days(1), Duration.Zero, null, Value.Null))];
        var definitions = new DefinitionSet(
            [new StreamDefinition("s", 1, "id", "time", [.. fields])], [new EntityDefinition("e", ["key"])], [new FeatureViewDefinition("v", 1, "e", "s", filtered ? "f2" : null, [.. features])], []);
        Catalog catalog = Catalog.Compile(definitions, out var problems)!;
        problems.ShouldBeEmpty();
        return new RowLayout(catalog.Entity("e")!.Timelines[0], new StateMemory());
    }
}
