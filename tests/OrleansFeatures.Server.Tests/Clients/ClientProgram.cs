using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace OrleansFeatures.Server.Tests.Clients;

/// <summary>Clients in other languages as programs: where they lie, what they need, and one run of each.</summary>
internal static class ClientProgram
{
    /// <summary>Debian's own Python: the gRPC module is a Debian package, which other Pythons on the path do not see.</summary>
    public const string Python = "/usr/bin/python3";

    /// <summary>As long as a machine that is busy with other tests may take for a program of a second.</summary>
    private static readonly TimeSpan RunLimit = TimeSpan.FromMinutes(2);

    public static readonly string Root = FindRoot();

    /// <summary>Where Debian puts the sources of Go's libraries.</summary>
    private const string GoLibraries = "/usr/share/gocode";

    private static readonly string GrpcTools = typeof(ClientProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "GrpcTools").Value!;

    private static string Protoc => Path.Combine(GrpcTools, "tools", RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux_arm64" : "linux_x64", "protoc");

    public static string Protos => Path.Combine(Root, "protos");

    public static string Foreign(string program) => Path.Combine(Root, "tests", "clients", program);

    public static string Example(string path) => Path.Combine(Root, "clients", path);

    public static void SkipWithoutPython() =>
        Assert.SkipUnless(File.Exists(Python) && IsRunnable(Python, "-c", "import grpc, google.protobuf"), "Python's gRPC is not installed: apt-get install python3-grpcio.");

    public static void SkipWithoutNode(string folder)
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Root, folder, "node_modules", "@grpc", "grpc-js")), $"grpc-js is not installed: run 'npm ci --prefix {folder}'.");
        Assert.SkipUnless(IsRunnable("node", "--version"), "node is not installed.");
    }

    public static void SkipWithoutGo()
    {
        // The last is there from the version on that this generator's messages need.
        string[] needed =
        [
            "/usr/bin/protoc-gen-go", "/usr/bin/protoc-gen-go-grpc", Path.Combine(GoLibraries, "src/google.golang.org/grpc/version.go"), Path.Combine(GoLibraries, "src/github.com/golang/protobuf/proto/registry.go"),
        ];
        Assert.SkipUnless(
            IsRunnable("go", "version") && needed.All(File.Exists),
            "Go and its gRPC are not installed: apt-get install golang-go golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev protoc-gen-go protoc-gen-go-grpc.");
    }

    /// <summary>The example in Go, built against Debian's packages in a workspace of its own.</summary>
    public static async Task<string> BuildGoExampleAsync(string workspace)
    {
        string package = Path.Combine(workspace, "src", "orleansfeatures");
        foreach (string folder in new[] { "featurestore", "example" })
        {
            Directory.CreateDirectory(Path.Combine(package, folder));
            foreach (string file in Directory.GetFiles(Example(Path.Combine("go", folder))))
            {
                File.Copy(file, Path.Combine(package, folder, Path.GetFileName(file)));
            }
        }

        string path = $"{Path.GetDirectoryName(Protoc)}:{Environment.GetEnvironmentVariable("PATH")}";
        ClientRun generated = await RunAsync(Example("go/generate.sh"), [package], KeyValuePair.Create("PATH", path));
        generated.ExitCode.ShouldBe(0, generated.ToString());
        string program = Path.Combine(workspace, "program");
        ClientRun built = await RunAsync("go", ["build", "-o", program, "orleansfeatures/example"], KeyValuePair.Create("GO111MODULE", "off"), KeyValuePair.Create("GOPATH", $"{workspace}:{GoLibraries}"));
        built.ExitCode.ShouldBe(0, built.ToString());
        return program;
    }

    /// <summary>What protoc makes of a folder of the protos for Python: the module path for a program that needs it.</summary>
    public static async Task<KeyValuePair<string, string>> GeneratePythonAsync(string protos, string into)
    {
        string[] files = Directory.GetFiles(Path.Combine(Protos, protos), "*.proto", SearchOption.AllDirectories);
        Directory.CreateDirectory(into);
        ClientRun run = await RunAsync(Protoc, ["-I", Protos, "-I", Path.Combine(GrpcTools, "build", "native", "include"), "--python_out", into, .. files]);
        run.ExitCode.ShouldBe(0, run.Errors);
        return new KeyValuePair<string, string>("PYTHONPATH", into);
    }

    public static Process Start(string program, string[] arguments, params KeyValuePair<string, string>[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
    }

    public static async Task<ClientRun> RunAsync(string program, string[] arguments, params KeyValuePair<string, string>[] environment)
    {
        using Process process = Start(program, arguments, environment);
        process.StandardInput.Close();
        return await EndAsync(process);
    }

    /// <summary>Waits until the program has ended; kills it when it does not.</summary>
    public static async Task<ClientRun> EndAsync(Process process)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(RunLimit);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new ClientRun(process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    private static bool IsRunnable(string program, params string[] arguments)
    {
        try
        {
            using Process process = Start(program, arguments);
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OrleansFeatures.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no folder above {AppContext.BaseDirectory} holds OrleansFeatures.sln");
    }
}

/// <summary>How a program ended and what it printed.</summary>
internal sealed record ClientRun(int ExitCode, string Output, string Errors)
{
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public override string ToString() => $"exit {ExitCode}\n{Output}\n{Errors}";
}
