using OrleansFeatures.Gateway.Metadata;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Metadata;

public sealed class SqliteMetadataTests
{
    [Fact]
    public void A_database_is_durable_and_migrated_once()
    {
        using var folder = new TemporaryFolder();
        for (int opening = 0; opening < 2; opening++)
        {
            using var database = SqliteMetadata.Open(folder.Path);
            database.Read(connection => connection.Scalar("PRAGMA synchronous")).ShouldBe(2);
            database.Read(connection => connection.Rows("PRAGMA journal_mode", row => row.GetString(0))).ShouldBe(["wal"]);
            database.Read(connection => connection.Rows("SELECT version FROM schema_version ORDER BY version", row => row.GetInt64(0))).ShouldBe([1, 2, 3, 4]);
        }
    }

    [Fact]
    public void A_database_of_the_first_version_is_brought_up_to_date_with_its_rows()
    {
        using var folder = new TemporaryFolder();
        using (var database = SqliteMetadata.Open(folder.Path))
        {
            database.Write((connection, _) => connection.Execute("INSERT INTO definition_files VALUES ('a.yaml', 'x')"));
            database.Write((connection, _) => connection.Execute("DROP TABLE quarantine; DROP TABLE late; DROP TABLE predictions; DROP TABLE prediction_entities; DROP TABLE prediction_head; DROP TABLE amendments; DROP TABLE amendment_head; DELETE FROM schema_version WHERE version > 1"));
        }

        using var reopened = SqliteMetadata.Open(folder.Path);
        reopened.Read(connection => connection.Scalar("SELECT count(*) FROM quarantine")).ShouldBe(0);
        reopened.Read(connection => connection.Scalar("SELECT count(*) FROM late")).ShouldBe(0);
        reopened.Read(connection => connection.Scalar("SELECT count(*) FROM definition_files")).ShouldBe(1);
    }

    [Fact]
    public void A_database_of_a_newer_program_is_refused_and_left_alone()
    {
        using var folder = new TemporaryFolder();
        using (var database = SqliteMetadata.Open(folder.Path))
        {
            database.Write((connection, _) => connection.Execute("INSERT INTO schema_version VALUES (99)"));
        }

        Should.Throw<MetadataException>(() => SqliteMetadata.Open(folder.Path)).Message.ShouldContain("version 99");
    }

    [Fact]
    public void A_damaged_file_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "metadata.db"), new string('x', 8_192));
        Should.Throw<MetadataException>(() => SqliteMetadata.Open(folder.Path)).Message.ShouldContain("metadata.db");
    }

    [Fact]
    public void A_failed_write_leaves_nothing_behind()
    {
        using var folder = new TemporaryFolder();
        using var database = SqliteMetadata.Open(folder.Path);
        Should.Throw<MetadataException>(() => database.Write((connection, _) =>
        {
            connection.Execute("INSERT INTO definition_files VALUES ('a.yaml', 'x')");
            return connection.Execute("INSERT INTO definition_files VALUES ('a.yaml', 'y')");
        }));
        database.Read(connection => connection.Scalar("SELECT count(*) FROM definition_files")).ShouldBe(0);
    }

    [Fact]
    public void A_full_disk_is_told_from_other_trouble_and_nothing_is_half_written()
    {
        using var folder = new TemporaryFolder();
        using MetadataDatabase database = SqliteMetadata.Open(folder.Path);
        database.Write((connection, _) => connection.Execute("CREATE TABLE big (text TEXT)"));
        database.Read(connection => connection.Scalar("PRAGMA max_page_count = 1"));
        var full = Should.Throw<MetadataException>(() => database.Write((connection, _) => connection.Execute("INSERT INTO big VALUES (@p1)", new string('x', 1_000_000))));
        full.IsDiskFull.ShouldBeTrue();
        full.Message.ShouldStartWith(Path.Combine(folder.Path, "metadata.db") + ": no space left");
        Failure failure = Failures.Of(full);
        (failure.Code, failure.HttpStatus).ShouldBe((Grpc.Core.StatusCode.ResourceExhausted, 507));
        database.Read(connection => connection.Scalar("PRAGMA max_page_count = 1000000"));
        database.Read(connection => connection.Scalar("SELECT count(*) FROM big")).ShouldBe(0);
        database.Write((connection, _) => connection.Execute("INSERT INTO big VALUES ('x')")).ShouldBe(1, "it goes on when there is space again");
    }
}
