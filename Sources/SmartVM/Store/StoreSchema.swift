internal import GRDB

/// The tables, as they came to be: a migration that has been published is never changed.
enum StoreSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("networks") { database in
            // A bridge that was, or is about to be, made. `namespace` is the network namespace, since names of interfaces and
            // addresses mean something only in one; `previousForwarding` what net.ipv4.ip_forward was before.
            try database.execute(
                sql: """
                    CREATE TABLE network (
                        namespace TEXT NOT NULL,
                        bridge TEXT NOT NULL,
                        subnet TEXT NOT NULL,
                        previousForwarding INTEGER NOT NULL,
                        bootID TEXT NOT NULL,
                        PRIMARY KEY (namespace, bridge)
                    ) STRICT, WITHOUT ROWID;

                    -- An address that is given out, and the TAP of the guest's interface that has it, if it has one.
                    CREATE TABLE lease (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        namespace TEXT NOT NULL,
                        bridge TEXT NOT NULL,
                        address INTEGER NOT NULL,
                        vm TEXT,
                        interface TEXT,
                        tap TEXT,
                        mac TEXT,
                        ownerPID INTEGER NOT NULL,
                        ownerStart INTEGER NOT NULL,
                        ownerBootID TEXT NOT NULL,
                        UNIQUE (namespace, bridge, address),
                        UNIQUE (namespace, bridge, mac),
                        UNIQUE (namespace, tap),
                        UNIQUE (namespace, bridge, vm, interface)
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("vms") { database in
            // A VM that outlives the command that made it. `phase` and the owner say what is being done to it and by whom; `image`
            // and `command` are parts of `config` that a list shows.
            try database.execute(
                sql: """
                    CREATE TABLE vm (
                        id TEXT PRIMARY KEY NOT NULL,
                        name TEXT NOT NULL UNIQUE,
                        phase TEXT NOT NULL,
                        ownerPID INTEGER,
                        ownerStart INTEGER,
                        ownerBootID TEXT,
                        generation INTEGER NOT NULL,
                        config TEXT NOT NULL,
                        image TEXT NOT NULL,
                        command TEXT NOT NULL,
                        machineID TEXT NOT NULL,
                        createdAt INTEGER NOT NULL,
                        startedAt INTEGER,
                        finishedAt INTEGER,
                        exitStatus INTEGER,
                        error TEXT,
                        restarts INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;

                    -- What has happened to VMs, those that are gone too.
                    CREATE TABLE event (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        time INTEGER NOT NULL,
                        vm TEXT NOT NULL,
                        name TEXT NOT NULL,
                        action TEXT NOT NULL,
                        exitStatus INTEGER,
                        error TEXT
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("life") { database in
            // What else there is to say of an event, as a JSON object of strings; and how far the events that a VM's supervisor has written
            // down have been brought in.
            try database.execute(
                sql: """
                    ALTER TABLE event ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';

                    CREATE TABLE broughtIn (
                        vm TEXT PRIMARY KEY NOT NULL,
                        generation INTEGER NOT NULL,
                        sequence INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("volumes") { database in
            // A volume of the data directory. `state` says what is being done to it, or may have been when a process was killed.
            try database.execute(
                sql: """
                    CREATE TABLE volume (
                        name TEXT PRIMARY KEY NOT NULL,
                        state TEXT NOT NULL,
                        size INTEGER NOT NULL,
                        createdAt INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;

                    -- What a VM is made with: `source` is the name of a volume, or the path of a file. While the VM is active it has it.
                    CREATE TABLE volumeUse (
                        vm TEXT NOT NULL,
                        source TEXT NOT NULL,
                        isReadOnly INTEGER NOT NULL,
                        PRIMARY KEY (vm, source)
                    ) STRICT, WITHOUT ROWID;

                    CREATE INDEX volumeUseBySource ON volumeUse (source);
                    """)
        }
        migrator.registerMigration("guest networks") { database in
            // `names` are the files by which the guest is found under its VM's name; `egress` what it may send to the world, if
            // not everything; `resolver` where it asks for names, as ADDRESS:PORT.
            try database.execute(
                sql: """
                    ALTER TABLE lease ADD COLUMN names TEXT;
                    ALTER TABLE lease ADD COLUMN egress TEXT;
                    ALTER TABLE lease ADD COLUMN resolver TEXT;

                    -- A network that VMs can name; its bridge is made when one of them starts.
                    CREATE TABLE definedNetwork (
                        name TEXT PRIMARY KEY NOT NULL,
                        bridge TEXT NOT NULL UNIQUE,
                        subnet TEXT NOT NULL,
                        hasOwnSubnet INTEGER NOT NULL,
                        isolatesGuests INTEGER NOT NULL,
                        createdAt INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;

                    -- The address that a VM had last in a network, which it gets again if it is free.
                    CREATE TABLE usualAddress (
                        vm TEXT NOT NULL,
                        bridge TEXT NOT NULL,
                        address INTEGER NOT NULL,
                        PRIMARY KEY (vm, bridge)
                    ) STRICT, WITHOUT ROWID;

                    -- A port of the host that leads to a VM which runs.
                    CREATE TABLE port (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        vm TEXT NOT NULL,
                        transport TEXT NOT NULL,
                        hostAddress TEXT NOT NULL,
                        hostPort INTEGER NOT NULL,
                        guestPort INTEGER NOT NULL
                    ) STRICT;

                    -- Why a VM that runs has no network, though it was to have one if that could be made.
                    CREATE TABLE networkProblem (
                        vm TEXT PRIMARY KEY NOT NULL,
                        problem TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
