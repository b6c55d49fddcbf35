using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Windows;

public sealed class ChunkDirectoryTests
{
    [Fact]
    public void A_fold_moves_with_its_chunk_when_older_chunks_leave_after_the_block_has_grown()
    {
        const int lanes = 3;
        var block = new ChunkBlock(2);
        for (int chunk = 0; chunk < 2; chunk++)
        {
            block.Insert(chunk, new ChunkEntry { Handle = (uint)chunk + 1 });
            for (int lane = 0; lane < lanes; lane++)
            {
                block.FoldsOf(chunk, lanes)[lane] = Fold.OfCount((10 * chunk) + lane);
            }

            block.Entries[chunk].IsFolded = true;
        }

        block.Insert(2, new ChunkEntry { Handle = 3 });
        block.RemoveFirst(1);
        block.Entries[0].IsFolded.ShouldBeTrue("or else it is simply made again");
        block.FoldsOf(0, lanes).ToArray().Select(fold => fold.Count).ShouldBe([10, 11, 12]);
    }
}
