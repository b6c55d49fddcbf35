using OrleansFeatures.Domain.Memory;

namespace OrleansFeatures.Domain.Tests.Memory;

public sealed class SlabMemoryTests
{
    private const int Seed = 77;

    [Fact]
    public void Blocks_never_overlap_whatever_comes_and_goes()
    {
        var memory = new SlabMemory(null);
        var random = new Random(Seed);
        var held = new List<(uint Handle, int Bytes, byte Mark)>();
        for (int step = 0; step < 60_000; step++)
        {
            // It grows for a while and shrinks for a while, so that spans empty and change their class.
            bool adds = held.Count == 0 || random.Next(100) < (step / 10_000 % 2 == 0 ? 70 : 35);
            if (adds)
            {
                int bytes = random.Next(20) == 0 ? random.Next(1, Limits.BlockBytesMax) : random.Next(1, 700);
                uint handle = memory.Allocate(bytes);
                handle.ShouldNotBe(0u);
                byte mark = (byte)random.Next(256);
                Bytes(memory, handle, bytes).Fill(mark);
                held.Add((handle, bytes, mark));
            }
            else
            {
                int at = random.Next(held.Count);
                (uint handle, int bytes, byte mark) = held[at];
                Bytes(memory, handle, bytes).ContainsAnyExcept(mark).ShouldBeFalse($"seed {Seed}, step {step}: somebody else wrote into a block of {bytes} bytes");
                memory.Free(handle, bytes);
                held[at] = held[^1];
                held.RemoveAt(held.Count - 1);
            }
        }

        memory.UsedBytes.ShouldBe(held.Sum(block => SlabMemory.Rounded(block.Bytes)));
    }

    [Fact]
    public void Blocks_that_grow_together_leave_no_memory_behind()
    {
        const int entities = 5_000;
        var memory = new SlabMemory(null);
        var handles = new uint[entities];
        for (int rows = 4; rows <= 24; rows += 4)
        {
            for (int entity = 0; entity < entities; entity++)
            {
                uint grown = memory.Allocate(rows * 24);
                if (rows > 4)
                {
                    memory.Free(handles[entity], (rows - 4) * 24);
                }

                handles[entity] = grown;
            }
        }

        memory.SlabBytes.ShouldBeLessThan(memory.UsedBytes * 2, "spans that one size has left serve the next");
    }

    private static Span<byte> Bytes(SlabMemory memory, uint handle, int bytes) => System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref memory.At(handle), bytes);
}
