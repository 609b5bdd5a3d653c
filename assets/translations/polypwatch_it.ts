<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="it">
<context>
    <name>polypwatch</name>
    <message>
        <source> through {0}</source>
        <translation> tramite {0}</translation>
    </message>
    <message>
        <source>'{0}' is no key; keys are written as P, F13, PgDown or Ctrl+Shift+P</source>
        <translation>'{0}' non è un tasto; i tasti si scrivono come P, F13, PgDown o Ctrl+Shift+P</translation>
    </message>
    <message>
        <source>'{0}' sets nothing.</source>
        <translation>'{0}' non imposta nulla.</translation>
    </message>
    <message>
        <source>+ mixed</source>
        <translation>+ mista</translation>
    </message>
    <message>
        <source>, /dev/shm does not exist</source>
        <translation>, /dev/shm non esiste</translation>
    </message>
    <message>
        <source>, {0} are free in /dev/shm</source>
        <translation>, in /dev/shm sono liberi {0}</translation>
    </message>
    <message>
        <source>-{n} min</source>
        <translation>-{n} min</translation>
    </message>
    <message>
        <source>-{n} s</source>
        <translation>-{n} s</translation>
    </message>
    <message>
        <source>1 FRAME NOT ANALYSED</source>
        <translation>1 FOTOGRAMMA NON ANALIZZATO</translation>
    </message>
    <message>
        <source>1 lesion</source>
        <translation>1 lesione</translation>
    </message>
    <message>
        <source>A PART OF THE PAGE HAS FAILED</source>
        <translation>UNA PARTE DELLA PAGINA È GUASTA</translation>
    </message>
    <message>
        <source>A box was painted on a lesion of the phantom (overlap {0}).</source>
        <translation>Un riquadro è apparso su una lesione del fantoccio (sovrapposizione {0}).</translation>
    </message>
    <message>
        <source>A foot pedal is a keyboard: click, then step on it. At the next start.</source>
        <translation>Un pedale è una tastiera: fare clic, poi premere il pedale. Vale dal prossimo avvio.</translation>
    </message>
    <message>
        <source>A lesion keeps at least one of its pictures.</source>
        <translation>Una lesione conserva almeno una delle sue immagini.</translation>
    </message>
    <message>
        <source>A live picture cannot be held.</source>
        <translation>Un'immagine dal vivo non si può fermare.</translation>
    </message>
    <message>
        <source>A marker stays down to this part of the threshold.</source>
        <translation>Un marcatore resta fino a questa parte della soglia.</translation>
    </message>
    <message>
        <source>A new marker draws attention once.</source>
        <translation>Un nuovo marcatore richiama l'attenzione una volta.</translation>
    </message>
    <message>
        <source>A part of the video has {0} bytes, more than a DICOM fragment holds.</source>
        <translation>Una parte del video ha {0} byte, più di quanto contiene un frammento DICOM.</translation>
    </message>
    <message>
        <source>A preset holds the other sections.</source>
        <translation>Una preimpostazione contiene le altre sezioni.</translation>
    </message>
    <message>
        <source>A recording has begun: the self-test was ended.</source>
        <translation>È iniziata una registrazione: l'autotest è stato terminato.</translation>
    </message>
    <message>
        <source>A snapshot is NAME.png, NAME.clean.png and NAME.json.</source>
        <translation>Una fotografia è NOME.png, NOME.clean.png e NOME.json.</translation>
    </message>
    <message>
        <source>A video without pictures cannot be exported.</source>
        <translation>Un video senza immagini non si può esportare.</translation>
    </message>
    <message>
        <source>AI</source>
        <translation>IA</translation>
    </message>
    <message>
        <source>AI BEHIND</source>
        <translation>IA IN RITARDO</translation>
    </message>
    <message>
        <source>AI DETECTING</source>
        <translation>IA SEGNALA</translation>
    </message>
    <message>
        <source>AI FAILED</source>
        <translation>IA GUASTA</translation>
    </message>
    <message>
        <source>AI OFF</source>
        <translation>IA SPENTA</translation>
    </message>
    <message>
        <source>AI READY</source>
        <translation>IA PRONTA</translation>
    </message>
    <message>
        <source>AI RESTARTING</source>
        <translation>IA SI RIAVVIA</translation>
    </message>
    <message>
        <source>AI STALLED</source>
        <translation>IA BLOCCATA</translation>
    </message>
    <message>
        <source>AI STARTING</source>
        <translation>IA SI AVVIA</translation>
    </message>
    <message>
        <source>AI WAITS</source>
        <translation>IA IN ATTESA</translation>
    </message>
    <message>
        <source>AI and boxes</source>
        <translation>IA e riquadri</translation>
    </message>
    <message>
        <source>AI has failed</source>
        <translation>L'IA è guasta</translation>
    </message>
    <message>
        <source>AI has stalled</source>
        <translation>L'IA è bloccata</translation>
    </message>
    <message>
        <source>AI is behind</source>
        <translation>L'IA è in ritardo</translation>
    </message>
    <message>
        <source>AI is restarting</source>
        <translation>L'IA si riavvia</translation>
    </message>
    <message>
        <source>AI is starting</source>
        <translation>L'IA si avvia</translation>
    </message>
    <message>
        <source>AI off</source>
        <translation>IA spenta</translation>
    </message>
    <message>
        <source>AI on</source>
        <translation>IA accesa</translation>
    </message>
    <message>
        <source>AI on or off</source>
        <translation>Accendere o spegnere l'IA</translation>
    </message>
    <message>
        <source>AI suppressed</source>
        <translation>IA sospesa</translation>
    </message>
    <message>
        <source>Address already in use</source>
        <translation>Indirizzo già in uso</translation>
    </message>
    <message>
        <source>Alerts are silent: {reason}.</source>
        <translation>Segnalazioni senza suono: {reason}.</translation>
    </message>
    <message>
        <source>All files</source>
        <translation>Tutti i file</translation>
    </message>
    <message>
        <source>All of it</source>
        <translation>Tutta</translation>
    </message>
    <message>
        <source>Also in light that the model was not validated in: nobody knows how well it works there.</source>
        <translation>Anche con una luce per cui il modello non è stato validato: nessuno sa quanto bene funzioni lì.</translation>
    </message>
    <message>
        <source>An examination runs already.</source>
        <translation>Un esame è già in corso.</translation>
    </message>
    <message>
        <source>An examination was not ended: {id}</source>
        <translation>Un esame non è stato concluso: {id}</translation>
    </message>
    <message>
        <source>Another Polypwatch is changing {0}.</source>
        <translation>Un altro Polypwatch sta modificando {0}.</translation>
    </message>
    <message>
        <source>Another Polypwatch kept it aside.</source>
        <translation>Un altro Polypwatch lo ha messo da parte.</translation>
    </message>
    <message>
        <source>Another program may use it: close that one, or replug the device.</source>
        <translation>Forse la usa un altro programma: chiuderlo, o ricollegare il dispositivo.</translation>
    </message>
    <message>
        <source>As 4:3. Empty: its pixels are square.</source>
        <translation>Come 4:3. Vuoto: i pixel sono quadrati.</translation>
    </message>
    <message>
        <source>As decoded</source>
        <translation>Come decodificati</translation>
    </message>
    <message>
        <source>As format=UYVY@1920x1080@50. Empty: as the rule chooses.</source>
        <translation>Come format=UYVY@1920x1080@50. Vuoto: come sceglie la regola.</translation>
    </message>
    <message>
        <source>As found</source>
        <translation>Come rilevato</translation>
    </message>
    <message>
        <source>As it comes</source>
        <translation>Così com'è</translation>
    </message>
    <message>
        <source>As it is typed; the set-up (F2) chooses it with a look at the picture.</source>
        <translation>Come si digita; la configurazione (F2) la sceglie mostrando l'immagine.</translation>
    </message>
    <message>
        <source>As the preset</source>
        <translation>Come la preimpostazione</translation>
    </message>
    <message>
        <source>Ask for the right to read it, or copy it to your own folder.</source>
        <translation>Chiedere il permesso di leggerlo, o copiarlo in una cartella propria.</translation>
    </message>
    <message>
        <source>Ask for the right to read it, or copy the images.</source>
        <translation>Chiedere il permesso di leggerla, o copiare le immagini.</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatico</translation>
    </message>
    <message>
        <source>Automatic: the cores that picture and recording leave.</source>
        <translation>Automatico: i core che immagine e registrazione lasciano liberi.</translation>
    </message>
    <message>
        <source>BBPS left</source>
        <translation>BBPS sinistro</translation>
    </message>
    <message>
        <source>BBPS right</source>
        <translation>BBPS destro</translation>
    </message>
    <message>
        <source>BBPS total</source>
        <translation>BBPS totale</translation>
    </message>
    <message>
        <source>BBPS transverse</source>
        <translation>BBPS trasverso</translation>
    </message>
    <message>
        <source>BOXES HIDDEN</source>
        <translation>RIQUADRI NASCOSTI</translation>
    </message>
    <message>
        <source>BOXES HIDDEN {time}</source>
        <translation>RIQUADRI NASCOSTI {time}</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Indietro</translation>
    </message>
    <message>
        <source>Back to the defaults</source>
        <translation>Ai valori predefiniti</translation>
    </message>
    <message>
        <source>Back to the picture</source>
        <translation>Torna all'immagine</translation>
    </message>
    <message>
        <source>Begin</source>
        <translation>Inizia</translation>
    </message>
    <message>
        <source>Begin in full screen.</source>
        <translation>Cominciare a schermo intero.</translation>
    </message>
    <message>
        <source>Begun</source>
        <translation>Iniziato</translation>
    </message>
    <message>
        <source>Below this there is a quiet hint.</source>
        <translation>Al di sotto appare un avviso discreto.</translation>
    </message>
    <message>
        <source>Best frames</source>
        <translation>Immagini migliori</translation>
    </message>
    <message>
        <source>Bookmark</source>
        <translation>Segnalibro</translation>
    </message>
    <message>
        <source>Both {0} and {1} label {2}.</source>
        <translation>Sia {0} sia {1} annotano {2}.</translation>
    </message>
    <message>
        <source>Bottom first</source>
        <translation>Prima l'inferiore</translation>
    </message>
    <message>
        <source>Box</source>
        <translation>Riquadro</translation>
    </message>
    <message>
        <source>Boxes also in light that the model was not validated in</source>
        <translation>Riquadri anche con una luce per cui il modello non è validato</translation>
    </message>
    <message>
        <source>Boxes are hidden: they would be old.</source>
        <translation>I riquadri sono nascosti: sarebbero vecchi.</translation>
    </message>
    <message>
        <source>Boxes are shown in every light.</source>
        <translation>I riquadri sono mostrati con ogni luce.</translation>
    </message>
    <message>
        <source>Boxes are shown in validated light only.</source>
        <translation>I riquadri sono mostrati solo con la luce validata.</translation>
    </message>
    <message>
        <source>Boxes are shown whatever the picture is.</source>
        <translation>I riquadri sono mostrati comunque sia l'immagine.</translation>
    </message>
    <message>
        <source>Boxes come back by themselves.</source>
        <translation>I riquadri tornano da soli.</translation>
    </message>
    <message>
        <source>Boxes in any light</source>
        <translation>Riquadri con ogni luce</translation>
    </message>
    <message>
        <source>Boxes on the second monitor</source>
        <translation>Riquadri sul secondo monitor</translation>
    </message>
    <message>
        <source>Boxes on the second monitor, too</source>
        <translation>Riquadri anche sul secondo monitor</translation>
    </message>
    <message>
        <source>Boxes that were hidden come back after this.</source>
        <translation>I riquadri nascosti tornano dopo questo tempo.</translation>
    </message>
    <message>
        <source>Boxes were painted, but none lay on a lesion (best overlap {0}).</source>
        <translation>Sono apparsi riquadri, ma nessuno su una lesione (sovrapposizione massima {0}).</translation>
    </message>
    <message>
        <source>Bring hidden boxes back at once</source>
        <translation>Far tornare subito i riquadri nascosti</translation>
    </message>
    <message>
        <source>CLEAN PICTURE: NO POLYPS ARE MARKED HERE</source>
        <translation>IMMAGINE PULITA: QUI I POLIPI NON SONO SEGNALATI</translation>
    </message>
    <message>
        <source>CUDA failed in {0}: {1} ({2}).</source>
        <translation>CUDA ha fallito in {0}: {1} ({2}).</translation>
    </message>
    <message>
        <source>Caecum</source>
        <translation>Cieco</translation>
    </message>
    <message>
        <source>Caecum reached</source>
        <translation>Cieco raggiunto</translation>
    </message>
    <message>
        <source>Caecum reached: withdrawal begins</source>
        <translation>Cieco raggiunto: inizia la retrazione</translation>
    </message>
    <message>
        <source>Cameras and grabbers</source>
        <translation>Telecamere e schede di acquisizione</translation>
    </message>
    <message>
        <source>Cameras are numbered from 0: try camera:0 or camera:1.</source>
        <translation>Le telecamere sono numerate da 0: provare camera:0 o camera:1.</translation>
    </message>
    <message>
        <source>Cameras of {0} cannot be listed.</source>
        <translation>Le telecamere di {0} non si possono elencare.</translation>
    </message>
    <message>
        <source>Candidate model</source>
        <translation>Modello candidato</translation>
    </message>
    <message>
        <source>Cannot be opened</source>
        <translation>Non si apre</translation>
    </message>
    <message>
        <source>Cannot be used as it is: {problem}.</source>
        <translation>Così non si può usare: {problem}.</translation>
    </message>
    <message>
        <source>Cannot read the examination {0}: {1}.</source>
        <translation>L'esame {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the model file {0}: {1}.</source>
        <translation>Il file del modello {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the model manifest {0}: {1}.</source>
        <translation>Il manifesto del modello {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read the room file {0}: {1}.</source>
        <translation>Il file della sala {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot read {0}: {1}.</source>
        <translation>{0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>Cannot record into {0}: {1}.</source>
        <translation>Non si può registrare in {0}: {1}.</translation>
    </message>
    <message>
        <source>Cannot rename {0}: {1}.</source>
        <translation>{0} non si può rinominare: {1}.</translation>
    </message>
    <message>
        <source>Cannot use {0} for the lock of the window: {1}.</source>
        <translation>{0} non si può usare per il blocco della finestra: {1}.</translation>
    </message>
    <message>
        <source>Cannot write into {0}: {1}.</source>
        <translation>Non si può scrivere in {0}: {1}.</translation>
    </message>
    <message>
        <source>Cannot write the journal {0}: {1}.</source>
        <translation>Il registro {0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>Cannot write the video in {0}: {1}.</source>
        <translation>Il video in {0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>Cannot write the video into {0}: {1}.</source>
        <translation>Il video non si può scrivere in {0}: {1}.</translation>
    </message>
    <message>
        <source>Cannot write {0}: {1}.</source>
        <translation>{0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>Capture card</source>
        <translation>Scheda di acquisizione</translation>
    </message>
    <message>
        <source>Capture device vanished</source>
        <translation>Dispositivo di acquisizione scomparso</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>Cambia</translation>
    </message>
    <message>
        <source>Check that Blackmagic Desktop Video is installed, that `polypwatch devices` lists the card, and that no other program (Media Express, OBS) uses that input.</source>
        <translation>Controllare che Blackmagic Desktop Video sia installato, che `polypwatch devices` elenchi la scheda, e che nessun altro programma (Media Express, OBS) usi quell'ingresso.</translation>
    </message>
    <message>
        <source>Check that it is connected and that its name is right.</source>
        <translation>Controllare che sia collegata e che il nome sia giusto.</translation>
    </message>
    <message>
        <source>Check that the sender runs, and its port.</source>
        <translation>Controllare che il mittente funzioni, e la sua porta.</translation>
    </message>
    <message>
        <source>Check that the sender runs, the address and port, and that no firewall is in the way.</source>
        <translation>Controllare che il mittente funzioni, l'indirizzo e la porta, e che nessun firewall lo impedisca.</translation>
    </message>
    <message>
        <source>Check the NVIDIA driver (`nvidia-smi`), install the CUDA libraries (`pip install 'polypwatch[cuda]'`), or run with `--provider cpu`.</source>
        <translation>Controllare il driver NVIDIA (`nvidia-smi`), installare le librerie CUDA (`pip install 'polypwatch[cuda]'`), o avviare con `--provider cpu`.</translation>
    </message>
    <message>
        <source>Check the NVIDIA driver (`nvidia-smi`), or run with `--provider cpu`.</source>
        <translation>Controllare il driver NVIDIA (`nvidia-smi`), o avviare con `--provider cpu`.</translation>
    </message>
    <message>
        <source>Check the address and the network.</source>
        <translation>Controllare l'indirizzo e la rete.</translation>
    </message>
    <message>
        <source>Check the address and the sender's format.</source>
        <translation>Controllare l'indirizzo e il formato del mittente.</translation>
    </message>
    <message>
        <source>Check the address and the sender's settings.</source>
        <translation>Controllare l'indirizzo e le impostazioni del mittente.</translation>
    </message>
    <message>
        <source>Check the cable and the processor's video output.</source>
        <translation>Controllare il cavo e l'uscita video del processore.</translation>
    </message>
    <message>
        <source>Check the cable, and that the processor is on.</source>
        <translation>Controllare il cavo, e che il processore sia acceso.</translation>
    </message>
    <message>
        <source>Check the disk, and try again.</source>
        <translation>Controllare il disco, e riprovare.</translation>
    </message>
    <message>
        <source>Check the drive or network share.</source>
        <translation>Controllare l'unità o la condivisione di rete.</translation>
    </message>
    <message>
        <source>Check the drive or network.</source>
        <translation>Controllare l'unità o la rete.</translation>
    </message>
    <message>
        <source>Check the drive, or copy it again.</source>
        <translation>Controllare l'unità, o copiarlo di nuovo.</translation>
    </message>
    <message>
        <source>Check the drive.</source>
        <translation>Controllare l'unità.</translation>
    </message>
    <message>
        <source>Check the file, drive or network share.</source>
        <translation>Controllare il file, l'unità o la condivisione di rete.</translation>
    </message>
    <message>
        <source>Check the part of the address after the host.</source>
        <translation>Controllare la parte dell'indirizzo dopo il nome dell'host.</translation>
    </message>
    <message>
        <source>Check the sender or the cable; unplug and replug a device that hangs.</source>
        <translation>Controllare il mittente o il cavo; scollegare e ricollegare un dispositivo bloccato.</translation>
    </message>
    <message>
        <source>Check the spelling.</source>
        <translation>Controllare l'ortografia.</translation>
    </message>
    <message>
        <source>Choose ...</source>
        <translation>Scegli ...</translation>
    </message>
    <message>
        <source>Choose a file with a picture.</source>
        <translation>Scegliere un file con un'immagine.</translation>
    </message>
    <message>
        <source>Choose a folder that can be written.</source>
        <translation>Scegliere una cartella in cui si possa scrivere.</translation>
    </message>
    <message>
        <source>Choose a source.</source>
        <translation>Scegliere una sorgente.</translation>
    </message>
    <message>
        <source>Choose another first.</source>
        <translation>Sceglierne prima un'altra.</translation>
    </message>
    <message>
        <source>Choose another folder, or look at the disk.</source>
        <translation>Scegliere un'altra cartella, o controllare il disco.</translation>
    </message>
    <message>
        <source>Choose another folder.</source>
        <translation>Scegliere un'altra cartella.</translation>
    </message>
    <message>
        <source>Choose another model.</source>
        <translation>Scegliere un altro modello.</translation>
    </message>
    <message>
        <source>Choose another one.</source>
        <translation>Sceglierne un altro.</translation>
    </message>
    <message>
        <source>Choose another provider or another model (`polypwatch models` lists them).</source>
        <translation>Scegliere un altro provider o un altro modello (`polypwatch models` li elenca).</translation>
    </message>
    <message>
        <source>Choose another source or picture area?</source>
        <translation>Scegliere un'altra sorgente o area dell'immagine?</translation>
    </message>
    <message>
        <source>Choose another video for the self-test.</source>
        <translation>Scegliere un altro video per l'autotest.</translation>
    </message>
    <message>
        <source>Choose high, normal or low{0}.</source>
        <translation>Scegliere high, normal o low{0}.</translation>
    </message>
    <message>
        <source>Choose one of the formats that `polypwatch devices` lists, or leave --format out.</source>
        <translation>Scegliere uno dei formati elencati da `polypwatch devices`, o omettere --format.</translation>
    </message>
    <message>
        <source>Choose one of {0}.</source>
        <translation>Scegliere uno di {0}.</translation>
    </message>
    <message>
        <source>Choose one of: {0}.</source>
        <translation>Scegliere uno di: {0}.</translation>
    </message>
    <message>
        <source>Choose source and picture area</source>
        <translation>Scegliere sorgente e area dell'immagine</translation>
    </message>
    <message>
        <source>Choose the area, or the whole picture.</source>
        <translation>Scegliere l'area, o l'immagine intera.</translation>
    </message>
    <message>
        <source>Choose the picture area anew (--area X,Y,W,H, auto or full).</source>
        <translation>Scegliere di nuovo l'area dell'immagine (--area X,Y,W,H, auto o full).</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Chiudi</translation>
    </message>
    <message>
        <source>Close  Esc</source>
        <translation>Chiudi  Esc</translation>
    </message>
    <message>
        <source>Close other programs that use it, and check that you may read it (on Linux: group video).</source>
        <translation>Chiudere gli altri programmi che la usano, e controllare di poterla leggere (in Linux: gruppo video).</translation>
    </message>
    <message>
        <source>Close other programs that use it.</source>
        <translation>Chiudere gli altri programmi che lo usano.</translation>
    </message>
    <message>
        <source>Close other programs, and test again.</source>
        <translation>Chiudere gli altri programmi e ripetere il test.</translation>
    </message>
    <message>
        <source>Close that program; a grabber serves one at a time.</source>
        <translation>Chiudere quel programma; una scheda di acquisizione ne serve uno alla volta.</translation>
    </message>
    <message>
        <source>Close the other program; a grabber serves one at a time.</source>
        <translation>Chiudere l'altro programma; una scheda di acquisizione ne serve uno alla volta.</translation>
    </message>
    <message>
        <source>Close the window when you are done.</source>
        <translation>A lavoro finito chiudere la finestra.</translation>
    </message>
    <message>
        <source>Colours</source>
        <translation>Colori</translation>
    </message>
    <message>
        <source>Conclusion</source>
        <translation>Conclusioni</translation>
    </message>
    <message>
        <source>Connection refused</source>
        <translation>Connessione rifiutata</translation>
    </message>
    <message>
        <source>Connection timed out</source>
        <translation>Tempo di connessione scaduto</translation>
    </message>
    <message>
        <source>Convert it to H.264.</source>
        <translation>Convertirlo in H.264.</translation>
    </message>
    <message>
        <source>Copy it again, or convert it to MP4.</source>
        <translation>Copiarlo di nuovo, o convertirlo in MP4.</translation>
    </message>
    <message>
        <source>Copy it again, or repair it with the program that recorded it.</source>
        <translation>Copiarlo di nuovo, o ripararlo con il programma che lo ha registrato.</translation>
    </message>
    <message>
        <source>Copy it again.</source>
        <translation>Copiarlo di nuovo.</translation>
    </message>
    <message>
        <source>Copy or convert it again, or cut it before the damage and label it anew.</source>
        <translation>Copiarlo o convertirlo di nuovo, o tagliarlo prima del danno e annotarlo di nuovo.</translation>
    </message>
    <message>
        <source>Copy or record it again.</source>
        <translation>Copiarlo o registrarlo di nuovo.</translation>
    </message>
    <message>
        <source>DAMAGED FRAMES</source>
        <translation>FOTOGRAMMI DANNEGGIATI</translation>
    </message>
    <message>
        <source>DICOM</source>
        <translation>DICOM</translation>
    </message>
    <message>
        <source>DICOM needs pydicom, which is not installed.</source>
        <translation>Per DICOM serve pydicom, che non è installato.</translation>
    </message>
    <message>
        <source>DICOM: {what}, {done} of {total}</source>
        <translation>DICOM: {what}, {done} di {total}</translation>
    </message>
    <message>
        <source>DISK: {time} LEFT</source>
        <translation>DISCO: RESTANO {time}</translation>
    </message>
    <message>
        <source>Damaged frames</source>
        <translation>Fotogrammi danneggiati</translation>
    </message>
    <message>
        <source>DeckLink {0}</source>
        <translation>DeckLink {0}</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>Predefinito</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Dettagli</translation>
    </message>
    <message>
        <source>Details of {id}</source>
        <translation>Dettagli di {id}</translation>
    </message>
    <message>
        <source>Device or resource busy</source>
        <translation>Dispositivo o risorsa occupati</translation>
    </message>
    <message>
        <source>Device vanished</source>
        <translation>Dispositivo scomparso</translation>
    </message>
    <message>
        <source>Devices on this machine: {0}.</source>
        <translation>Dispositivi su questo computer: {0}.</translation>
    </message>
    <message>
        <source>Does any picture show text that tells who the patient is?</source>
        <translation>In qualche immagine si legge chi è il paziente?</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>Giù</translation>
    </message>
    <message>
        <source>Download it and open the file.</source>
        <translation>Scaricarlo e aprire il file.</translation>
    </message>
    <message>
        <source>Duration {time}</source>
        <translation>Durata {time}</translation>
    </message>
    <message>
        <source>EXPERT LIMITS</source>
        <translation>LIMITI PROPRI</translation>
    </message>
    <message>
        <source>Each picture waits for its own boxes, 100 ms at most.</source>
        <translation>Ogni immagine attende i suoi riquadri, al massimo 100 ms.</translation>
    </message>
    <message>
        <source>Empty: nothing can be recorded.</source>
        <translation>Vuoto: non si può registrare nulla.</translation>
    </message>
    <message>
        <source>Empty: polypwatch-out where it was started.</source>
        <translation>Vuoto: polypwatch-out dove è stato avviato.</translation>
    </message>
    <message>
        <source>Empty: the one that is meant for what runs it.</source>
        <translation>Vuoto: quello previsto per chi lo esegue.</translation>
    </message>
    <message>
        <source>Encoded again as H.264 ({0}) by {1}; no sound</source>
        <translation>Codificato di nuovo in H.264 ({0}) da {1}; senza suono</translation>
    </message>
    <message>
        <source>Encoder</source>
        <translation>Codificatore</translation>
    </message>
    <message>
        <source>End exam</source>
        <translation>Fine esame</translation>
    </message>
    <message>
        <source>End interv.</source>
        <translation>Fine interv.</translation>
    </message>
    <message>
        <source>End it</source>
        <translation>Concludi</translation>
    </message>
    <message>
        <source>End it first.</source>
        <translation>Prima terminarla.</translation>
    </message>
    <message>
        <source>End replay</source>
        <translation>Fine replay</translation>
    </message>
    <message>
        <source>End? again</source>
        <translation>Fine? ancora</translation>
    </message>
    <message>
        <source>Ended</source>
        <translation>Finito</translation>
    </message>
    <message>
        <source>Endoscope processor</source>
        <translation>Processore endoscopico</translation>
    </message>
    <message>
        <source>Endoscopist (code)</source>
        <translation>Endoscopista (codice)</translation>
    </message>
    <message>
        <source>Enter saves it, Esc leaves it.</source>
        <translation>Invio salva, Esc annulla.</translation>
    </message>
    <message>
        <source>Esc leaves it</source>
        <translation>Esc per uscire</translation>
    </message>
    <message>
        <source>Event {0} ({1}): {2}</source>
        <translation>Evento {0} ({1}): {2}</translation>
    </message>
    <message>
        <source>Event {0} was withdrawn already.</source>
        <translation>L'evento {0} era già annullato.</translation>
    </message>
    <message>
        <source>Event {0}: its time lies before that of the event before.</source>
        <translation>Evento {0}: il suo tempo precede quello dell'evento prima.</translation>
    </message>
    <message>
        <source>Everything inside of the frame is shown, analysed and RECORDED.</source>
        <translation>Tutto ciò che sta nella cornice viene mostrato, analizzato e REGISTRATO.</translation>
    </message>
    <message>
        <source>Examination</source>
        <translation>Esame</translation>
    </message>
    <message>
        <source>Examination {id} has ended.</source>
        <translation>L'esame {id} è concluso.</translation>
    </message>
    <message>
        <source>Examinations and recordings go there. Without a folder nothing can be recorded.</source>
        <translation>Esami e registrazioni vanno lì. Senza una cartella non si può registrare nulla.</translation>
    </message>
    <message>
        <source>Export it again.</source>
        <translation>Esportarlo di nuovo.</translation>
    </message>
    <message>
        <source>Export the model again.</source>
        <translation>Esportare di nuovo il modello.</translation>
    </message>
    <message>
        <source>False alarms: unknown for this preset.</source>
        <translation>Falsi allarmi: ignoti per questa preimpostazione.</translation>
    </message>
    <message>
        <source>False alarms: {rate} per minute on {minutes} minutes of video from 1 processor.</source>
        <translation>Falsi allarmi: {rate} al minuto su {minutes} minuti di video da 1 processore.</translation>
    </message>
    <message>
        <source>False alarms: {rate} per minute on {minutes} minutes of video from {n} processors.</source>
        <translation>Falsi allarmi: {rate} al minuto su {minutes} minuti di video da {n} processori.</translation>
    </message>
    <message>
        <source>False alarms: {rate} per minute on {minutes} minutes of video, processors unknown.</source>
        <translation>Falsi allarmi: {rate} al minuto su {minutes} minuti di video, processori ignoti.</translation>
    </message>
    <message>
        <source>File exists</source>
        <translation>Il file esiste già</translation>
    </message>
    <message>
        <source>File of the model</source>
        <translation>File del modello</translation>
    </message>
    <message>
        <source>First appearance</source>
        <translation>Prima comparsa</translation>
    </message>
    <message>
        <source>First leave the self-test: press Esc.</source>
        <translation>Prima uscire dall'autotest: premere Esc.</translation>
    </message>
    <message>
        <source>First the cables</source>
        <translation>Prima i cavi</translation>
    </message>
    <message>
        <source>Folder for recordings</source>
        <translation>Cartella delle registrazioni</translation>
    </message>
    <message>
        <source>Folder for snapshots</source>
        <translation>Cartella delle fotografie</translation>
    </message>
    <message>
        <source>For ever</source>
        <translation>Per sempre</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Formato</translation>
    </message>
    <message>
        <source>Format of the camera</source>
        <translation>Formato della telecamera</translation>
    </message>
    <message>
        <source>Frames per second</source>
        <translation>Fotogrammi al secondo</translation>
    </message>
    <message>
        <source>Free or enlarge /dev/shm (in a container: --shm-size=256m).</source>
        <translation>Liberare o ampliare /dev/shm (in un container: --shm-size=256m).</translation>
    </message>
    <message>
        <source>Free some space on the disk: what waits is written then.</source>
        <translation>Liberare spazio sul disco: ciò che attende viene scritto allora.</translation>
    </message>
    <message>
        <source>Free some space, or name another folder in POLYPWATCH_CONFIG.</source>
        <translation>Liberare spazio, o indicare un'altra cartella in POLYPWATCH_CONFIG.</translation>
    </message>
    <message>
        <source>Free space, in GB</source>
        <translation>Spazio libero, in GB</translation>
    </message>
    <message>
        <source>From 'scope in' to 'scope out'.</source>
        <translation>Da 'ingresso' a 'uscita'.</translation>
    </message>
    <message>
        <source>Full screen</source>
        <translation>Schermo intero</translation>
    </message>
    <message>
        <source>Full screen on or off (also: double-click)</source>
        <translation>Schermo intero sì o no (anche: doppio clic)</translation>
    </message>
    <message>
        <source>GStreamer is installed and does not start.</source>
        <translation>GStreamer è installato e non si avvia.</translation>
    </message>
    <message>
        <source>GStreamer is not installed here ({0}).</source>
        <translation>GStreamer non è installato qui ({0}).</translation>
    </message>
    <message>
        <source>GStreamer {0}</source>
        <translation>GStreamer {0}</translation>
    </message>
    <message>
        <source>Give it one first.</source>
        <translation>Prima assegnarne uno.</translation>
    </message>
    <message>
        <source>Give it one: polypwatch settings --set room.name='Room 2'.</source>
        <translation>Assegnarne uno: polypwatch settings --set room.name='Sala 2'.</translation>
    </message>
    <message>
        <source>Give the folder of an examination.</source>
        <translation>Indicare la cartella di un esame.</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>Continua</translation>
    </message>
    <message>
        <source>H.264 has even sizes: the last row or column was left out</source>
        <translation>H.264 ha dimensioni pari: l'ultima riga o colonna è stata omessa</translation>
    </message>
    <message>
        <source>HD taken for SD</source>
        <translation>HD preso per SD</translation>
    </message>
    <message>
        <source>Hardware where there is one, the processor, or the source's own.</source>
        <translation>Hardware dove c'è, il processore, o quello della sorgente.</translation>
    </message>
    <message>
        <source>Help</source>
        <translation>Aiuto</translation>
    </message>
    <message>
        <source>Hidden {time}</source>
        <translation>Nascosti {time}</translation>
    </message>
    <message>
        <source>Hide boxes</source>
        <translation>Nascondi</translation>
    </message>
    <message>
        <source>Hide the boxes for a while; again: longer</source>
        <translation>Nascondere i riquadri per un po'; ancora: più a lungo</translation>
    </message>
    <message>
        <source>Hiding, in seconds</source>
        <translation>Nascondere, in secondi</translation>
    </message>
    <message>
        <source>High</source>
        <translation>Alta</translation>
    </message>
    <message>
        <source>Hold the picture, or let it go on (files only)</source>
        <translation>Fermare l'immagine, o farla proseguire (solo file)</translation>
    </message>
    <message>
        <source>Hold time, in ms</source>
        <translation>Permanenza, in ms</translation>
    </message>
    <message>
        <source>How long a lesion is followed before it is marked.</source>
        <translation>Per quanto si segue una lesione prima di segnalarla.</translation>
    </message>
    <message>
        <source>How long a marker stays at least.</source>
        <translation>Per quanto resta almeno un marcatore.</translation>
    </message>
    <message>
        <source>How long a marker stays without new evidence.</source>
        <translation>Per quanto resta un marcatore senza nuove prove.</translation>
    </message>
    <message>
        <source>How the cables run</source>
        <translation>Come vanno i cavi</translation>
    </message>
    <message>
        <source>If a round instrument looks oval, choose another one.</source>
        <translation>Se uno strumento rotondo appare ovale, sceglierne un'altra.</translation>
    </message>
    <message>
        <source>If nobody froze it, look at the processor's own monitor and check the cable.</source>
        <translation>Se nessuno l'ha congelata, guardare il monitor del processore e controllare il cavo.</translation>
    </message>
    <message>
        <source>If reds look orange beside the processor's own monitor, choose another one.</source>
        <translation>Se i rossi appaiono arancioni rispetto al monitor del processore, scegliere un'altra voce.</translation>
    </message>
    <message>
        <source>If this stays, close other programs.</source>
        <translation>Se continua, chiudere gli altri programmi.</translation>
    </message>
    <message>
        <source>If this stays, restart the program after the examination.</source>
        <translation>Se continua, riavviare il programma dopo l'esame.</translation>
    </message>
    <message>
        <source>Images are {0} files.</source>
        <translation>Le immagini sono file {0}.</translation>
    </message>
    <message>
        <source>Images are {0} files; name a video itself.</source>
        <translation>Le immagini sono file {0}; un video va indicato direttamente.</translation>
    </message>
    <message>
        <source>In use by {programs}.</source>
        <translation>In uso da {programs}.</translation>
    </message>
    <message>
        <source>In {0} 'room' and 'schema' have no place.</source>
        <translation>In {0} non c'è posto per 'room' e 'schema'.</translation>
    </message>
    <message>
        <source>Indication</source>
        <translation>Indicazione</translation>
    </message>
    <message>
        <source>Input should be a valid boolean</source>
        <translation>Il valore deve essere vero o falso</translation>
    </message>
    <message>
        <source>Input should be a valid integer</source>
        <translation>Il valore deve essere un numero intero</translation>
    </message>
    <message>
        <source>Input should be a valid number</source>
        <translation>Il valore deve essere un numero</translation>
    </message>
    <message>
        <source>Input should be a valid string</source>
        <translation>Il valore deve essere un testo</translation>
    </message>
    <message>
        <source>Input should be greater than or equal to {0}</source>
        <translation>Il valore deve essere maggiore o uguale a {0}</translation>
    </message>
    <message>
        <source>Input should be greater than {0}</source>
        <translation>Il valore deve essere maggiore di {0}</translation>
    </message>
    <message>
        <source>Input should be less than or equal to {0}</source>
        <translation>Il valore deve essere minore o uguale a {0}</translation>
    </message>
    <message>
        <source>Input should be less than {0}</source>
        <translation>Il valore deve essere minore di {0}</translation>
    </message>
    <message>
        <source>Input should be {0}</source>
        <translation>Il valore deve essere {0}</translation>
    </message>
    <message>
        <source>Input/output error</source>
        <translation>Errore di lettura o scrittura</translation>
    </message>
    <message>
        <source>Input: {signal}.</source>
        <translation>Ingresso: {signal}.</translation>
    </message>
    <message>
        <source>Insertion</source>
        <translation>Introduzione</translation>
    </message>
    <message>
        <source>Install GStreamer 1.x from gstreamer.freedesktop.org with its Python bindings, or choose the card's own camera device: `polypwatch devices` lists it.</source>
        <translation>Installare GStreamer 1.x da gstreamer.freedesktop.org con le librerie per Python, o scegliere il dispositivo telecamera della scheda: `polypwatch devices` lo elenca.</translation>
    </message>
    <message>
        <source>Install gstreamer1.0-plugins-bad.</source>
        <translation>Installare gstreamer1.0-plugins-bad.</translation>
    </message>
    <message>
        <source>Install it (on Debian and Ubuntu: apt install {0}) and make the environment with --system-site-packages, or pip install 'polypwatch[gstreamer]'. A grabber that is a V4L2 device needs none of this.</source>
        <translation>Installarlo (in Debian e Ubuntu: apt install {0}) e creare l'ambiente con --system-site-packages, oppure pip install 'polypwatch[gstreamer]'. Una scheda che è un dispositivo V4L2 non ne ha bisogno.</translation>
    </message>
    <message>
        <source>Install it where Polypwatch is: {0} -m pip install 'pydicom&gt;=3.0'</source>
        <translation>Installarlo dov'è Polypwatch: {0} -m pip install 'pydicom&gt;=3.0'</translation>
    </message>
    <message>
        <source>Install onnxruntime-gpu, or choose another provider.</source>
        <translation>Installare onnxruntime-gpu, o scegliere un altro provider.</translation>
    </message>
    <message>
        <source>Install onnxruntime-gpu.</source>
        <translation>Installare onnxruntime-gpu.</translation>
    </message>
    <message>
        <source>Install the model again.</source>
        <translation>Installare di nuovo il modello.</translation>
    </message>
    <message>
        <source>Install the package with its decklink plug-in (Debian and Ubuntu: gstreamer1.0-plugins-bad).</source>
        <translation>Installare il pacchetto con il suo plug-in decklink (Debian e Ubuntu: gstreamer1.0-plugins-bad).</translation>
    </message>
    <message>
        <source>Install them: apt-get install {0}</source>
        <translation>Installarle: apt-get install {0}</translation>
    </message>
    <message>
        <source>Installed: {0}; or give a model folder's path.</source>
        <translation>Installati: {0}; oppure indicare il percorso della cartella di un modello.</translation>
    </message>
    <message>
        <source>Interlaced, as its content shows: each frame becomes two pictures.</source>
        <translation>Interlacciato, come mostra il contenuto: ogni fotogramma diventa due immagini.</translation>
    </message>
    <message>
        <source>Intervention</source>
        <translation>Intervento</translation>
    </message>
    <message>
        <source>Intervention begun</source>
        <translation>Intervento iniziato</translation>
    </message>
    <message>
        <source>Intervention ended</source>
        <translation>Intervento terminato</translation>
    </message>
    <message>
        <source>Intervention: start or end</source>
        <translation>Intervento: inizio o fine</translation>
    </message>
    <message>
        <source>Invalid argument</source>
        <translation>Argomento non valido</translation>
    </message>
    <message>
        <source>Is a directory</source>
        <translation>È una cartella</translation>
    </message>
    <message>
        <source>Is it a model folder?</source>
        <translation>È la cartella di un modello?</translation>
    </message>
    <message>
        <source>Is it the journal of an examination?</source>
        <translation>È il registro di un esame?</translation>
    </message>
    <message>
        <source>Is it the right file?</source>
        <translation>È il file giusto?</translation>
    </message>
    <message>
        <source>Is its beginning missing?</source>
        <translation>Manca l'inizio?</translation>
    </message>
    <message>
        <source>Is the disk full or gone?</source>
        <translation>Il disco è pieno o scomparso?</translation>
    </message>
    <message>
        <source>Is the disk full or write-protected?</source>
        <translation>Il disco è pieno o protetto da scrittura?</translation>
    </message>
    <message>
        <source>Is the disk full?</source>
        <translation>Il disco è pieno?</translation>
    </message>
    <message>
        <source>Is the file cut at its beginning?</source>
        <translation>Il file è tagliato all'inizio?</translation>
    </message>
    <message>
        <source>Is this the picture?</source>
        <translation>È questa l'immagine?</translation>
    </message>
    <message>
        <source>It comes back by itself with the screen.</source>
        <translation>Torna da solo con lo schermo.</translation>
    </message>
    <message>
        <source>It could not be found. Drag the frame's handles, or take the whole picture.</source>
        <translation>Non è stata trovata. Trascinare le maniglie della cornice, o prendere l'immagine intera.</translation>
    </message>
    <message>
        <source>It crashed several times in a row and is not started again. Watch the processor's own monitor.</source>
        <translation>Si è arrestato più volte di seguito e non viene riavviato. Guardare il monitor del processore.</translation>
    </message>
    <message>
        <source>It has: {0}.</source>
        <translation>Contiene: {0}.</translation>
    </message>
    <message>
        <source>It is 1 to {0} characters long, without backslash, line break or blanks around it.</source>
        <translation>È lungo da 1 a {0} caratteri, senza barra rovesciata, a capo o spazi ai lati.</translation>
    </message>
    <message>
        <source>It is left as it is.</source>
        <translation>Resta com'è.</translation>
    </message>
    <message>
        <source>It is restarted by itself.</source>
        <translation>Si riavvia da sola.</translation>
    </message>
    <message>
        <source>It is tried again every second.</source>
        <translation>Si riprova ogni secondo.</translation>
    </message>
    <message>
        <source>It is wired like this</source>
        <translation>È cablato così</translation>
    </message>
    <message>
        <source>It offers {0}. `polypwatch devices` lists all.</source>
        <translation>Offre {0}. `polypwatch devices` elenca tutto.</translation>
    </message>
    <message>
        <source>It stays where it is ({0}).</source>
        <translation>Resta dov'è ({0}).</translation>
    </message>
    <message>
        <source>It was kept as {0}.</source>
        <translation>È stato conservato come {0}.</translation>
    </message>
    <message>
        <source>It will not be used. Export the model again.</source>
        <translation>Non viene usato. Esportare di nuovo il modello.</translation>
    </message>
    <message>
        <source>It will not be used. Install the model again.</source>
        <translation>Non viene usato. Installare di nuovo il modello.</translation>
    </message>
    <message>
        <source>Its name, or the folder in which it lies.</source>
        <translation>Il nome, o la cartella in cui si trova.</translation>
    </message>
    <message>
        <source>Its own settings, if it has some, go before all others.</source>
        <translation>Le sue impostazioni, se ne ha, prevalgono su tutte le altre.</translation>
    </message>
    <message>
        <source>Its place may change when it is plugged in again.</source>
        <translation>La posizione può cambiare quando viene ricollegato.</translation>
    </message>
    <message>
        <source>JOURNAL NOT SAVED ({n})</source>
        <translation>REGISTRO NON SALVATO ({n})</translation>
    </message>
    <message>
        <source>Join the group of video devices (`sudo usermod -aG video $USER`), then log out and in again.</source>
        <translation>Entrare nel gruppo dei dispositivi video (`sudo usermod -aG video $USER`), poi uscire e rientrare.</translation>
    </message>
    <message>
        <source>Just try it: the bundled phantom</source>
        <translation>Solo una prova: il fantoccio incluso</translation>
    </message>
    <message>
        <source>Keep for days</source>
        <translation>Conservare per giorni</translation>
    </message>
    <message>
        <source>Keep these settings for this room</source>
        <translation>Tieni per questa sala</translation>
    </message>
    <message>
        <source>Keeping (expert)</source>
        <translation>Permanenza (esperti)</translation>
    </message>
    <message>
        <source>Keys and pedals</source>
        <translation>Tasti e pedali</translation>
    </message>
    <message>
        <source>Known are 601, 709, 601-full and 709-full.</source>
        <translation>Sono noti 601, 709, 601-full e 709-full.</translation>
    </message>
    <message>
        <source>Known are {0} and file.</source>
        <translation>Sono noti {0} e file.</translation>
    </message>
    <message>
        <source>Known to this GStreamer are mode={0} and connection={1}.</source>
        <translation>Questo GStreamer conosce mode={0} e connection={1}.</translation>
    </message>
    <message>
        <source>LIGHT NOT VALIDATED</source>
        <translation>LUCE NON VALIDATA</translation>
    </message>
    <message>
        <source>LST</source>
        <translation>LST</translation>
    </message>
    <message>
        <source>Labels of a cut or converted copy would be off by frames; put the labelled file there.</source>
        <translation>Le annotazioni di una copia tagliata o convertita sarebbero sfalsate; mettere lì il file annotato.</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Lingua</translation>
    </message>
    <message>
        <source>Later</source>
        <translation>Più tardi</translation>
    </message>
    <message>
        <source>Leave</source>
        <translation>Esci</translation>
    </message>
    <message>
        <source>Leave test</source>
        <translation>Esci dal test</translation>
    </message>
    <message>
        <source>Leave what lies over the picture, or full screen</source>
        <translation>Uscire da ciò che copre l'immagine, o dallo schermo intero</translation>
    </message>
    <message>
        <source>Left</source>
        <translation>Sinistra</translation>
    </message>
    <message>
        <source>Left edge</source>
        <translation>Bordo sinistro</translation>
    </message>
    <message>
        <source>Lesion {0} was not changed: {1}.</source>
        <translation>La lesione {0} non è stata modificata: {1}.</translation>
    </message>
    <message>
        <source>Lesions</source>
        <translation>Lesioni</translation>
    </message>
    <message>
        <source>Lesions, bowel preparation, indication</source>
        <translation>Lesioni, preparazione intestinale, indicazione</translation>
    </message>
    <message>
        <source>Less</source>
        <translation>Meno</translation>
    </message>
    <message>
        <source>Line {0} {1} ({2} bytes) and is left out.</source>
        <translation>La riga {0} {1} ({2} byte) ed è omessa.</translation>
    </message>
    <message>
        <source>Log in to a desktop, or use `polypwatch demo --offscreen --source ...` or `polypwatch detect ...`.</source>
        <translation>Accedere a un desktop, o usare `polypwatch demo --offscreen --source ...` o `polypwatch detect ...`.</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>Cerca ancora</translation>
    </message>
    <message>
        <source>Look at the disk.</source>
        <translation>Controllare il disco.</translation>
    </message>
    <message>
        <source>Look at the list again.</source>
        <translation>Riguardare l'elenco.</translation>
    </message>
    <message>
        <source>Look at the pictures and at the recording. The answer is written into the DICOM files.</source>
        <translation>Guardare le immagini e la registrazione. La risposta viene scritta nei file DICOM.</translation>
    </message>
    <message>
        <source>Look at {0}.</source>
        <translation>Guardare {0}.</translation>
    </message>
    <message>
        <source>Looking for cameras and grabbers ...</source>
        <translation>Ricerca di telecamere e schede di acquisizione ...</translation>
    </message>
    <message>
        <source>Louder</source>
        <translation>Volume più alto</translation>
    </message>
    <message>
        <source>Low</source>
        <translation>Bassa</translation>
    </message>
    <message>
        <source>Lower edge</source>
        <translation>Bordo inferiore</translation>
    </message>
    <message>
        <source>MUTED</source>
        <translation>AUDIO SPENTO</translation>
    </message>
    <message>
        <source>Mark it as found first.</source>
        <translation>Prima segnarlo come trovato.</translation>
    </message>
    <message>
        <source>Markers are shown as always.</source>
        <translation>I marcatori appaiono come sempre.</translation>
    </message>
    <message>
        <source>May you write there?</source>
        <translation>È permesso scrivere lì?</translation>
    </message>
    <message>
        <source>Missing events: {0}.</source>
        <translation>Eventi mancanti: {0}.</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modello</translation>
    </message>
    <message>
        <source>Model {0} cannot run here: {1}.</source>
        <translation>Il modello {0} non può funzionare qui: {1}.</translation>
    </message>
    <message>
        <source>Model {0} has no variant '{1}'.</source>
        <translation>Il modello {0} non ha la variante '{1}'.</translation>
    </message>
    <message>
        <source>Model {0} has no variant for provider '{1}'.</source>
        <translation>Il modello {0} non ha varianti per il provider '{1}'.</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Altro</translation>
    </message>
    <message>
        <source>More markers and more false alarms, or fewer of both.</source>
        <translation>Più marcatori e più falsi allarmi, o meno di entrambi.</translation>
    </message>
    <message>
        <source>More than one ONNX Runtime is installed ({0}): they overwrite each other's files.</source>
        <translation>È installato più di un ONNX Runtime ({0}): si sovrascrivono i file a vicenda.</translation>
    </message>
    <message>
        <source>Move</source>
        <translation>Sposta</translation>
    </message>
    <message>
        <source>Move one of them to another folder.</source>
        <translation>Spostarne uno in un'altra cartella.</translation>
    </message>
    <message>
        <source>Mute</source>
        <translation>Muto</translation>
    </message>
    <message>
        <source>Mute or unmute the sound</source>
        <translation>Spegnere o riaccendere il suono</translation>
    </message>
    <message>
        <source>NO DEVICE</source>
        <translation>NESSUN DISPOSITIVO</translation>
    </message>
    <message>
        <source>NO PICTURE YET</source>
        <translation>ANCORA NESSUNA IMMAGINE</translation>
    </message>
    <message>
        <source>NO SIGNAL</source>
        <translation>SEGNALE ASSENTE</translation>
    </message>
    <message>
        <source>NO SOURCE</source>
        <translation>NESSUNA SORGENTE</translation>
    </message>
    <message>
        <source>NOT RECORDED</source>
        <translation>NON REGISTRATO</translation>
    </message>
    <message>
        <source>NOT VALIDATED IN THIS LIGHT</source>
        <translation>NON VALIDATA CON QUESTA LUCE</translation>
    </message>
    <message>
        <source>Name a file, or another folder.</source>
        <translation>Indicare un file, o un'altra cartella.</translation>
    </message>
    <message>
        <source>Name a recording, or a video file.</source>
        <translation>Indicare una registrazione, o un file video.</translation>
    </message>
    <message>
        <source>Name a video file or a network stream.</source>
        <translation>Indicare un file video o un flusso di rete.</translation>
    </message>
    <message>
        <source>Name a video, a folder of images, a camera or a network address.</source>
        <translation>Indicare un video, una cartella di immagini, una telecamera o un indirizzo di rete.</translation>
    </message>
    <message>
        <source>Name and password of the stream were left out.</source>
        <translation>Nome e password del flusso sono stati omessi.</translation>
    </message>
    <message>
        <source>Name another in POLYPWATCH_RUNTIME.</source>
        <translation>Indicarne un'altra in POLYPWATCH_RUNTIME.</translation>
    </message>
    <message>
        <source>Name of the room</source>
        <translation>Nome della sala</translation>
    </message>
    <message>
        <source>Name of the screen with the clean picture. Empty: none.</source>
        <translation>Nome dello schermo con l'immagine pulita. Vuoto: nessuno.</translation>
    </message>
    <message>
        <source>Name or service not known</source>
        <translation>Nome o servizio sconosciuto</translation>
    </message>
    <message>
        <source>Name snapshots (NAME.json), recordings or videos.</source>
        <translation>Indicare fotografie (NOME.json), registrazioni o video.</translation>
    </message>
    <message>
        <source>Name the folder of the recordings.</source>
        <translation>Indicare la cartella delle registrazioni.</translation>
    </message>
    <message>
        <source>Names and numbers of patients must lie outside of it.</source>
        <translation>Nomi e numeri dei pazienti devono restarne fuori.</translation>
    </message>
    <message>
        <source>Network address</source>
        <translation>Indirizzo di rete</translation>
    </message>
    <message>
        <source>Network address, or any source as it is typed:</source>
        <translation>Indirizzo di rete, o una sorgente come si digita:</translation>
    </message>
    <message>
        <source>Network is unreachable</source>
        <translation>Rete non raggiungibile</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>Mai</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>Avanti</translation>
    </message>
    <message>
        <source>Next sensitivity preset</source>
        <translation>Prossima preimpostazione di sensibilità</translation>
    </message>
    <message>
        <source>No alert yet: the last seconds are played.</source>
        <translation>Ancora nessuna segnalazione: si rivedono gli ultimi secondi.</translation>
    </message>
    <message>
        <source>No box was painted, as the AI analysed nothing.</source>
        <translation>Nessun riquadro è apparso, perché l'IA non ha analizzato nulla.</translation>
    </message>
    <message>
        <source>No box was painted: the AI analysed {0} pictures, but {1}.</source>
        <translation>Nessun riquadro è apparso: l'IA ha analizzato {0} immagini, ma {1}.</translation>
    </message>
    <message>
        <source>No examination runs.</source>
        <translation>Nessun esame in corso.</translation>
    </message>
    <message>
        <source>No folder for recordings was chosen.</source>
        <translation>Nessuna cartella scelta per le registrazioni.</translation>
    </message>
    <message>
        <source>No hint</source>
        <translation>Nessun avviso</translation>
    </message>
    <message>
        <source>No lesion is clear anywhere in {0}.</source>
        <translation>In {0} nessuna lesione è mai chiara.</translation>
    </message>
    <message>
        <source>No picture is saved: {0}.</source>
        <translation>Non si salva nessuna immagine: {0}.</translation>
    </message>
    <message>
        <source>No picture shows a name</source>
        <translation>Nessuna immagine mostra un nome</translation>
    </message>
    <message>
        <source>No picture was there to analyse: {0}.</source>
        <translation>Non c'era un'immagine da analizzare: {0}.</translation>
    </message>
    <message>
        <source>No polyps are marked yet.</source>
        <translation>I polipi non sono ancora segnalati.</translation>
    </message>
    <message>
        <source>No polyps are marked.</source>
        <translation>I polipi non sono segnalati.</translation>
    </message>
    <message>
        <source>No room has settings of its own yet.</source>
        <translation>Nessuna sala ha ancora impostazioni proprie.</translation>
    </message>
    <message>
        <source>No route to host</source>
        <translation>Nessun percorso verso l'host</translation>
    </message>
    <message>
        <source>No self-test during a recording.</source>
        <translation>Nessun autotest durante una registrazione.</translation>
    </message>
    <message>
        <source>No software survives a computer that crashes: look at the processor's monitor then.</source>
        <translation>Nessun programma sopravvive a un computer che si blocca: guardare allora il monitor del processore.</translation>
    </message>
    <message>
        <source>No sound is made either.</source>
        <translation>Non c'è neppure il suono.</translation>
    </message>
    <message>
        <source>No sound.</source>
        <translation>Nessun suono.</translation>
    </message>
    <message>
        <source>No source was given.</source>
        <translation>Nessuna sorgente indicata.</translation>
    </message>
    <message>
        <source>No source was named.</source>
        <translation>Nessuna sorgente indicata.</translation>
    </message>
    <message>
        <source>No space left on device</source>
        <translation>Spazio su disco esaurito</translation>
    </message>
    <message>
        <source>No such device</source>
        <translation>Il dispositivo non esiste</translation>
    </message>
    <message>
        <source>No such file or directory</source>
        <translation>File o cartella inesistente</translation>
    </message>
    <message>
        <source>No window can be opened: {0}</source>
        <translation>Nessuna finestra si può aprire: {0}</translation>
    </message>
    <message>
        <source>No, I looked</source>
        <translation>No, ho guardato</translation>
    </message>
    <message>
        <source>Nobody looked</source>
        <translation>Nessuno ha guardato</translation>
    </message>
    <message>
        <source>Nobody tried this model in light other than the validated one.</source>
        <translation>Nessuno ha provato questo modello con una luce diversa da quella validata.</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Nessuno</translation>
    </message>
    <message>
        <source>None is plugged in. It appears here as soon as it is.</source>
        <translation>Nessuno è collegato. Appare qui appena lo è.</translation>
    </message>
    <message>
        <source>Normal</source>
        <translation>Normale</translation>
    </message>
    <message>
        <source>Not a directory</source>
        <translation>Non è una cartella</translation>
    </message>
    <message>
        <source>Not during a recording.</source>
        <translation>Non durante una registrazione.</translation>
    </message>
    <message>
        <source>Not interlaced, as its content shows.</source>
        <translation>Non interlacciato, come mostra il contenuto.</translation>
    </message>
    <message>
        <source>Not marked. {0}</source>
        <translation>Non segnato. {0}</translation>
    </message>
    <message>
        <source>Not marked: there is no picture.</source>
        <translation>Non segnato: non c'è un'immagine.</translation>
    </message>
    <message>
        <source>Not marked: {why}</source>
        <translation>Non segnato: {why}</translation>
    </message>
    <message>
        <source>Not noted: {0}.</source>
        <translation>Non annotato: {0}.</translation>
    </message>
    <message>
        <source>Not passed.</source>
        <translation>Non superato.</translation>
    </message>
    <message>
        <source>Not tested. {0}</source>
        <translation>Non provato. {0}</translation>
    </message>
    <message>
        <source>Not tested: no sound was due, as no new box appeared.</source>
        <translation>Non provato: nessun suono era dovuto, perché non è apparso un nuovo riquadro.</translation>
    </message>
    <message>
        <source>Not tested: there is no phantom to play.</source>
        <translation>Non provato: non c'è un fantoccio da riprodurre.</translation>
    </message>
    <message>
        <source>Not tested: there was no picture to record.</source>
        <translation>Non provato: non c'erano immagini da registrare.</translation>
    </message>
    <message>
        <source>Not tested: without a window there is no sound.</source>
        <translation>Non provato: senza finestra non c'è suono.</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Nota</translation>
    </message>
    <message>
        <source>Nothing can be recorded: the picture area that was set before is lost, and the whole picture may show a name. Set it again (`polypwatch settings --set source.area=...`) or give --area.</source>
        <translation>Non si può registrare nulla: l'area dell'immagine impostata prima è andata persa, e l'immagine intera può mostrare un nome. Impostarla di nuovo (`polypwatch settings --set source.area=...`) o indicare --area.</translation>
    </message>
    <message>
        <source>Nothing is deleted without a record.</source>
        <translation>Nulla si elimina senza lasciarne traccia.</translation>
    </message>
    <message>
        <source>Nothing is recorded: {0}.</source>
        <translation>Non si registra nulla: {0}.</translation>
    </message>
    <message>
        <source>Nothing to replay yet.</source>
        <translation>Ancora nulla da rivedere.</translation>
    </message>
    <message>
        <source>Nothing was exported: the examination holds neither pictures nor a recording.</source>
        <translation>Nulla è stato esportato: l'esame non contiene né immagini né una registrazione.</translation>
    </message>
    <message>
        <source>Nothing was exported: the recording is not complete.</source>
        <translation>Nulla è stato esportato: la registrazione non è completa.</translation>
    </message>
    <message>
        <source>ONNX Runtime failed on a frame: {0}.</source>
        <translation>ONNX Runtime ha fallito su un fotogramma: {0}.</translation>
    </message>
    <message>
        <source>ONNX Runtime is missing or broken: {0}.</source>
        <translation>ONNX Runtime manca o è difettoso: {0}.</translation>
    </message>
    <message>
        <source>OUT OF THE BODY</source>
        <translation>FUORI DAL CORPO</translation>
    </message>
    <message>
        <source>Of the room, never of a patient. Settings can differ from room to room.</source>
        <translation>Della sala, mai di un paziente. Le impostazioni possono cambiare da sala a sala.</translation>
    </message>
    <message>
        <source>Of the sound of a new lesion.</source>
        <translation>Del suono di una nuova lesione.</translation>
    </message>
    <message>
        <source>Of the window and of reports.</source>
        <translation>Della finestra e dei referti.</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>No</translation>
    </message>
    <message>
        <source>Offers no format that can be read here.</source>
        <translation>Non offre formati leggibili qui.</translation>
    </message>
    <message>
        <source>Older ones are proposed for deletion, never deleted.</source>
        <translation>Le più vecchie vengono proposte per l'eliminazione, mai eliminate.</translation>
    </message>
    <message>
        <source>On</source>
        <translation>Sì</translation>
    </message>
    <message>
        <source>On the side of the picture on which a marker is.</source>
        <translation>Sul lato dell'immagine in cui c'è un marcatore.</translation>
    </message>
    <message>
        <source>One moment, please.</source>
        <translation>Un momento, prego.</translation>
    </message>
    <message>
        <source>One more</source>
        <translation>Un altro</translation>
    </message>
    <message>
        <source>One recording is older than {days} days ({size}).</source>
        <translation>Una registrazione ha più di {days} giorni ({size}).</translation>
    </message>
    <message>
        <source>Only {0}. Close other programs, or use a faster computer.</source>
        <translation>Solo {0}. Chiudere gli altri programmi, o usare un computer più veloce.</translation>
    </message>
    <message>
        <source>Open it again to complete it.</source>
        <translation>Aprirlo di nuovo per completarlo.</translation>
    </message>
    <message>
        <source>Open the set-up</source>
        <translation>Apri la configurazione</translation>
    </message>
    <message>
        <source>Open the window anew with these settings</source>
        <translation>Riapri la finestra con queste impostazioni</translation>
    </message>
    <message>
        <source>Opening</source>
        <translation>Apertura</translation>
    </message>
    <message>
        <source>Opening the source</source>
        <translation>Apertura della sorgente</translation>
    </message>
    <message>
        <source>Operation not permitted</source>
        <translation>Operazione non permessa</translation>
    </message>
    <message>
        <source>Orifice</source>
        <translation>Orifizio</translation>
    </message>
    <message>
        <source>Other sources</source>
        <translation>Altre sorgenti</translation>
    </message>
    <message>
        <source>PICTURE FROZEN</source>
        <translation>IMMAGINE FERMA</translation>
    </message>
    <message>
        <source>PICTURE FROZEN {time}</source>
        <translation>IMMAGINE FERMA {time}</translation>
    </message>
    <message>
        <source>PICTURE NOT CHECKED</source>
        <translation>IMMAGINE NON CONTROLLATA</translation>
    </message>
    <message>
        <source>POOR VIEW: AI SUPPRESSED</source>
        <translation>VISIONE SCARSA: IA SOSPESA</translation>
    </message>
    <message>
        <source>Paris</source>
        <translation>Parigi</translation>
    </message>
    <message>
        <source>Passed.</source>
        <translation>Superato.</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pausa</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>In pausa</translation>
    </message>
    <message>
        <source>Permission denied</source>
        <translation>Permesso negato</translation>
    </message>
    <message>
        <source>Photograph of the appendiceal orifice</source>
        <translation>Fotografia dell'orifizio appendicolare</translation>
    </message>
    <message>
        <source>Photograph of the orifice</source>
        <translation>Fotografia dell'orifizio</translation>
    </message>
    <message>
        <source>Photograph of the valve</source>
        <translation>Fotografia della valvola</translation>
    </message>
    <message>
        <source>Picture</source>
        <translation>Immagine</translation>
    </message>
    <message>
        <source>Picture area</source>
        <translation>Area dell'immagine</translation>
    </message>
    <message>
        <source>Picture area found: {0} x {1} pixels from {2}, {3}. Is anything of the endoscope's picture missing?</source>
        <translation>Area dell'immagine trovata: {0} x {1} pixel da {2}, {3}. Manca qualcosa dell'immagine dell'endoscopio?</translation>
    </message>
    <message>
        <source>Picture kept</source>
        <translation>Immagine conservata</translation>
    </message>
    <message>
        <source>Picture of polyp {n}</source>
        <translation>Immagine del polipo {n}</translation>
    </message>
    <message>
        <source>Pictures of {0} x {1} pixels are too small for H.264.</source>
        <translation>Immagini di {0} x {1} pixel sono troppo piccole per H.264.</translation>
    </message>
    <message>
        <source>Pictures of {0} x {1} pixels cannot be recorded.</source>
        <translation>Immagini di {0} x {1} pixel non si possono registrare.</translation>
    </message>
    <message>
        <source>Pixel format</source>
        <translation>Formato dei pixel</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Riprendi</translation>
    </message>
    <message>
        <source>Play the last alert's eight seconds in an inset</source>
        <translation>Rivedere in un riquadro gli otto secondi dell'ultima segnalazione</translation>
    </message>
    <message>
        <source>Playing</source>
        <translation>In corso</translation>
    </message>
    <message>
        <source>Plug in and switch on what sends it pictures.</source>
        <translation>Collegare e accendere ciò che gli invia le immagini.</translation>
    </message>
    <message>
        <source>Plug it in again.</source>
        <translation>Ricollegarlo.</translation>
    </message>
    <message>
        <source>Plug one in; let it extend this screen, not mirror it.</source>
        <translation>Collegarne uno; deve estendere questo schermo, non duplicarlo.</translation>
    </message>
    <message>
        <source>Plug the capture card in, or choose another source.</source>
        <translation>Collegare la scheda di acquisizione, o scegliere un'altra sorgente.</translation>
    </message>
    <message>
        <source>Plug the capture device in again.</source>
        <translation>Ricollegare il dispositivo di acquisizione.</translation>
    </message>
    <message>
        <source>Polyp</source>
        <translation>Polipo</translation>
    </message>
    <message>
        <source>Polyp found</source>
        <translation>Polipo trovato</translation>
    </message>
    <message>
        <source>Polyp removed</source>
        <translation>Polipo rimosso</translation>
    </message>
    <message>
        <source>Polyp {n} found</source>
        <translation>Polipo {n} trovato</translation>
    </message>
    <message>
        <source>Polyp {n} removed</source>
        <translation>Polipo {n} rimosso</translation>
    </message>
    <message>
        <source>Polypwatch has stopped</source>
        <translation>Polypwatch si è fermato</translation>
    </message>
    <message>
        <source>Polypwatch: second monitor</source>
        <translation>Polypwatch: secondo monitor</translation>
    </message>
    <message>
        <source>Polypwatch: the second picture</source>
        <translation>Polypwatch: la seconda immagine</translation>
    </message>
    <message>
        <source>Press Y to try once more.</source>
        <translation>Premere Y per riprovare.</translation>
    </message>
    <message>
        <source>Press again: all settings go back to the defaults</source>
        <translation>Premere ancora: tutto torna ai valori predefiniti</translation>
    </message>
    <message>
        <source>Press the key or pedal ...</source>
        <translation>Premere il tasto o il pedale ...</translation>
    </message>
    <message>
        <source>Press {key} again to end the examination.</source>
        <translation>Premere ancora {key} per concludere l'esame.</translation>
    </message>
    <message>
        <source>Press {key} again to quit.</source>
        <translation>Premere ancora {key} per uscire.</translation>
    </message>
    <message>
        <source>Press {key} to start one.</source>
        <translation>Premere {key} per iniziarne uno.</translation>
    </message>
    <message>
        <source>Processor to its own monitor, as always; its second output to the capture card, and to Polypwatch.</source>
        <translation>Dal processore al suo monitor, come sempre; la seconda uscita alla scheda di acquisizione, e a Polypwatch.</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>Programma</translation>
    </message>
    <message>
        <source>Proposed: {format} ({reason}).</source>
        <translation>Proposta: {format} ({reason}).</translation>
    </message>
    <message>
        <source>Quieter</source>
        <translation>Volume più basso</translation>
    </message>
    <message>
        <source>Quit at once</source>
        <translation>Uscire subito</translation>
    </message>
    <message>
        <source>Quit: press twice</source>
        <translation>Uscire: premere due volte</translation>
    </message>
    <message>
        <source>REC</source>
        <translation>REG</translation>
    </message>
    <message>
        <source>REC (BLANK) {time}</source>
        <translation>REG (NERO) {time}</translation>
    </message>
    <message>
        <source>REC {time}</source>
        <translation>REG {time}</translation>
    </message>
    <message>
        <source>REC: {warning}</source>
        <translation>REG: {warning}</translation>
    </message>
    <message>
        <source>RECORDING FAULT</source>
        <translation>REGISTRAZIONE GUASTA</translation>
    </message>
    <message>
        <source>REPLAY FAULT</source>
        <translation>REPLAY GUASTO</translation>
    </message>
    <message>
        <source>REPLAY {ago}</source>
        <translation>REPLAY {ago}</translation>
    </message>
    <message>
        <source>Read-only file system</source>
        <translation>File system di sola lettura</translation>
    </message>
    <message>
        <source>Reading the recording back ...</source>
        <translation>Rilettura della registrazione ...</translation>
    </message>
    <message>
        <source>Record</source>
        <translation>Registra</translation>
    </message>
    <message>
        <source>Record by itself</source>
        <translation>Registrare da solo</translation>
    </message>
    <message>
        <source>Recording</source>
        <translation>Registrazione</translation>
    </message>
    <message>
        <source>Recording stops before less is free.</source>
        <translation>La registrazione si ferma prima che ne resti meno.</translation>
    </message>
    <message>
        <source>Recording: {fault}</source>
        <translation>Registrazione: {fault}</translation>
    </message>
    <message>
        <source>Reinstall Polypwatch, or render it: polypwatch phantom --seed 1 --seconds 92 OUT.</source>
        <translation>Reinstallare Polypwatch, o generarla: polypwatch phantom --seed 1 --seconds 92 OUT.</translation>
    </message>
    <message>
        <source>Reinstall Polypwatch.</source>
        <translation>Reinstallare Polypwatch.</translation>
    </message>
    <message>
        <source>Reinstall PyAV (`pip install --force-reinstall av`); cameras can still be opened by number: camera:0.</source>
        <translation>Reinstallare PyAV (`pip install --force-reinstall av`); le telecamere si possono ancora aprire per numero: camera:0.</translation>
    </message>
    <message>
        <source>Remark</source>
        <translation>Nota</translation>
    </message>
    <message>
        <source>Removed</source>
        <translation>Rimosso</translation>
    </message>
    <message>
        <source>Replay</source>
        <translation>Replay</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Referto</translation>
    </message>
    <message>
        <source>Research use only, not a medical device</source>
        <translation>Solo per ricerca, non è un dispositivo medico</translation>
    </message>
    <message>
        <source>Resection</source>
        <translation>Resezione</translation>
    </message>
    <message>
        <source>Restore it or export the model again.</source>
        <translation>Ripristinarlo, o esportare di nuovo il modello.</translation>
    </message>
    <message>
        <source>Restore it, or open the video file itself.</source>
        <translation>Ripristinarlo, o aprire direttamente il file video.</translation>
    </message>
    <message>
        <source>Restore it.</source>
        <translation>Ripristinarlo.</translation>
    </message>
    <message>
        <source>Restore video-001.mkv.</source>
        <translation>Ripristinare video-001.mkv.</translation>
    </message>
    <message>
        <source>Right</source>
        <translation>Destra</translation>
    </message>
    <message>
        <source>Right edge</source>
        <translation>Bordo destro</translation>
    </message>
    <message>
        <source>Room</source>
        <translation>Sala</translation>
    </message>
    <message>
        <source>Room 2</source>
        <translation>Sala 2</translation>
    </message>
    <message>
        <source>Room file</source>
        <translation>File della sala</translation>
    </message>
    <message>
        <source>Rooms with settings of their own</source>
        <translation>Sale con impostazioni proprie</translation>
    </message>
    <message>
        <source>Round them.</source>
        <translation>Arrotondarli.</translation>
    </message>
    <message>
        <source>Run `pip install --force-reinstall --no-deps onnxruntime-gpu` (or `onnxruntime` where there is no such wheel) in Polypwatch's environment.</source>
        <translation>Eseguire `pip install --force-reinstall --no-deps onnxruntime-gpu` (o `onnxruntime` dove quella wheel non c'è) nell'ambiente di Polypwatch.</translation>
    </message>
    <message>
        <source>Run `pip uninstall -y {0}` and then install Polypwatch again.</source>
        <translation>Eseguire `pip uninstall -y {0}` e poi installare di nuovo Polypwatch.</translation>
    </message>
    <message>
        <source>Run `polypwatch devices` for the names; close other programs that use the camera.</source>
        <translation>Eseguire `polypwatch devices` per i nomi; chiudere gli altri programmi che usano la telecamera.</translation>
    </message>
    <message>
        <source>Run with `--provider cpu`, or update the NVIDIA driver; a new driver is compared anew.</source>
        <translation>Avviare con `--provider cpu`, o aggiornare il driver NVIDIA; un nuovo driver viene confrontato di nuovo.</translation>
    </message>
    <message>
        <source>Runs unseen beside the other one, for QA to compare.</source>
        <translation>Funziona non visto accanto all'altro, per il confronto di qualità.</translation>
    </message>
    <message>
        <source>SD taken for HD</source>
        <translation>SD preso per HD</translation>
    </message>
    <message>
        <source>SECOND MONITOR FAULT</source>
        <translation>SECONDO MONITOR GUASTO</translation>
    </message>
    <message>
        <source>SECOND MONITOR GONE</source>
        <translation>SECONDO MONITOR SCOMPARSO</translation>
    </message>
    <message>
        <source>SECOND MONITOR: NO ROOM ON IT</source>
        <translation>SECONDO MONITOR: SENZA SPAZIO</translation>
    </message>
    <message>
        <source>SECOND MONITOR: THIS WINDOW IS ON IT</source>
        <translation>SECONDO MONITOR: QUI C'È QUESTA FINESTRA</translation>
    </message>
    <message>
        <source>SELF-TEST: phantom, not the patient</source>
        <translation>AUTOTEST: fantoccio, non il paziente</translation>
    </message>
    <message>
        <source>SENSITIVITY HIGH</source>
        <translation>SENSIBILITÀ ALTA</translation>
    </message>
    <message>
        <source>SENSITIVITY LOW</source>
        <translation>SENSIBILITÀ BASSA</translation>
    </message>
    <message>
        <source>SHADOW: NO BOXES</source>
        <translation>OMBRA: NESSUN RIQUADRO</translation>
    </message>
    <message>
        <source>SYNC ENDED: AI TOO SLOW</source>
        <translation>SINCRONIA FINITA: IA TROPPO LENTA</translation>
    </message>
    <message>
        <source>SYNC WAITS FOR AI</source>
        <translation>SINCRONIA ATTENDE L'IA</translation>
    </message>
    <message>
        <source>SYNCHRONISED +{n} MS</source>
        <translation>SINCRONIZZATA +{n} MS</translation>
    </message>
    <message>
        <source>Save the picture, with and without boxes</source>
        <translation>Salvare l'immagine, con e senza riquadri</translation>
    </message>
    <message>
        <source>Scope in</source>
        <translation>Ingresso</translation>
    </message>
    <message>
        <source>Scope in: insertion begins</source>
        <translation>Ingresso dell'endoscopio: inizia l'introduzione</translation>
    </message>
    <message>
        <source>Scope out</source>
        <translation>Uscita</translation>
    </message>
    <message>
        <source>Scope out: withdrawal ends</source>
        <translation>Uscita dell'endoscopio: fine della retrazione</translation>
    </message>
    <message>
        <source>Score</source>
        <translation>Punteggio</translation>
    </message>
    <message>
        <source>Screen</source>
        <translation>Schermo</translation>
    </message>
    <message>
        <source>Second monitor</source>
        <translation>Secondo monitor</translation>
    </message>
    <message>
        <source>Second monitor off.</source>
        <translation>Secondo monitor spento.</translation>
    </message>
    <message>
        <source>Second monitor on or off</source>
        <translation>Accendere o spegnere il secondo monitor</translation>
    </message>
    <message>
        <source>Second monitor: {name}.</source>
        <translation>Secondo monitor: {name}.</translation>
    </message>
    <message>
        <source>Segment</source>
        <translation>Sede</translation>
    </message>
    <message>
        <source>Self-test</source>
        <translation>Autotest</translation>
    </message>
    <message>
        <source>Self-test not passed: {0}</source>
        <translation>Autotest non superato: {0}</translation>
    </message>
    <message>
        <source>Self-test not passed: {checks}</source>
        <translation>Autotest non superato: {checks}</translation>
    </message>
    <message>
        <source>Self-test passed: all of the chain works</source>
        <translation>Autotest superato: tutta la catena funziona</translation>
    </message>
    <message>
        <source>Sensitivity</source>
        <translation>Sensibilità</translation>
    </message>
    <message>
        <source>Sensitivity: high</source>
        <translation>Sensibilità: alta</translation>
    </message>
    <message>
        <source>Sensitivity: limits of your own</source>
        <translation>Sensibilità: limiti propri</translation>
    </message>
    <message>
        <source>Sensitivity: low</source>
        <translation>Sensibilità: bassa</translation>
    </message>
    <message>
        <source>Sensitivity: normal</source>
        <translation>Sensibilità: normale</translation>
    </message>
    <message>
        <source>Set it to one of {0} with its maker's tool, if it has one.</source>
        <translation>Impostarla su uno di {0} con il programma del costruttore, se c'è.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto or x264, or look at the graphics driver.</source>
        <translation>Impostare recording.encoder su auto o x264, o controllare il driver grafico.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto, or --deinterlace off.</source>
        <translation>Impostare recording.encoder su auto, o --deinterlace off.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto, or confirm that the source's whole picture holds no text that tells who the patient is.</source>
        <translation>Impostare recording.encoder su auto, o confermare che nell'immagine intera della sorgente non si legge chi è il paziente.</translation>
    </message>
    <message>
        <source>Set recording.encoder to auto.</source>
        <translation>Impostare recording.encoder su auto.</translation>
    </message>
    <message>
        <source>Set recording.encoder to x264.</source>
        <translation>Impostare recording.encoder su x264.</translation>
    </message>
    <message>
        <source>Set recording.folder, or start with --record FOLDER.</source>
        <translation>Impostare recording.folder, o avviare con --record CARTELLA.</translation>
    </message>
    <message>
        <source>Set the area by hand (--area X,Y,W,H or full).</source>
        <translation>Impostare l'area a mano (--area X,Y,W,H o full).</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Impostazioni</translation>
    </message>
    <message>
        <source>Shadow mode</source>
        <translation>Modalità ombra</translation>
    </message>
    <message>
        <source>Shadow mode has ended: polyps are marked again.</source>
        <translation>Modalità ombra terminata: i polipi sono di nuovo segnalati.</translation>
    </message>
    <message>
        <source>Shadow mode: the AI runs and is recorded, but shows nothing.</source>
        <translation>Modalità ombra: l'IA funziona e viene registrata, ma non mostra nulla.</translation>
    </message>
    <message>
        <source>Shadow: the AI is recorded, but shows nothing</source>
        <translation>Ombra: l'IA viene registrata, ma non mostra nulla</translation>
    </message>
    <message>
        <source>Shape of the picture</source>
        <translation>Forma dell'immagine</translation>
    </message>
    <message>
        <source>Shortest marker, in ms</source>
        <translation>Marcatore più breve, in ms</translation>
    </message>
    <message>
        <source>Show or hide this page</source>
        <translation>Mostrare o nascondere questa pagina</translation>
    </message>
    <message>
        <source>Show the markers there, too.</source>
        <translation>Mostrare i marcatori anche lì.</translation>
    </message>
    <message>
        <source>Shown as two pictures: as found, never, or so.</source>
        <translation>Mostrati come due immagini: come trovato, mai, o così.</translation>
    </message>
    <message>
        <source>Sign at the edge</source>
        <translation>Segno al bordo</translation>
    </message>
    <message>
        <source>Signal lost</source>
        <translation>Segnale perso</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Dimensione</translation>
    </message>
    <message>
        <source>Snapshot</source>
        <translation>Fotografia</translation>
    </message>
    <message>
        <source>Snapshot saved.</source>
        <translation>Fotografia salvata.</translation>
    </message>
    <message>
        <source>Somebody looked at the whole picture. Only then may the source's own stream be recorded as it is.</source>
        <translation>Qualcuno ha guardato l'immagine intera. Solo allora il flusso della sorgente può essere registrato così com'è.</translation>
    </message>
    <message>
        <source>Sound</source>
        <translation>Suono</translation>
    </message>
    <message>
        <source>Sound off</source>
        <translation>Suono spento</translation>
    </message>
    <message>
        <source>Sound on</source>
        <translation>Suono acceso</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>Sorgente</translation>
    </message>
    <message>
        <source>Sources of the kind {0}:// are not known.</source>
        <translation>Sorgenti del tipo {0}:// non sono note.</translation>
    </message>
    <message>
        <source>Square</source>
        <translation>Quadrati</translation>
    </message>
    <message>
        <source>Start one first.</source>
        <translation>Prima iniziarne uno.</translation>
    </message>
    <message>
        <source>Start or stop recording</source>
        <translation>Avviare o fermare la registrazione</translation>
    </message>
    <message>
        <source>Start the examination; end it: press twice</source>
        <translation>Iniziare l'esame; concluderlo: premere due volte</translation>
    </message>
    <message>
        <source>Start with --record FOLDER.</source>
        <translation>Avviare con --record CARTELLA.</translation>
    </message>
    <message>
        <source>Start with a folder for recordings.</source>
        <translation>Avviare con una cartella per le registrazioni.</translation>
    </message>
    <message>
        <source>Started on {date} at {time}; {n} minutes were noted.</source>
        <translation>Iniziato il {date} alle {time}; sono annotati {n} minuti.</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Avvio</translation>
    </message>
    <message>
        <source>Stills do not move, so that the picture area cannot be found. {0}</source>
        <translation>Le immagini fisse non si muovono, quindi l'area dell'immagine non si può trovare. {0}</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Ferma</translation>
    </message>
    <message>
        <source>Stop the recording; the next start of the program repairs what is damaged.</source>
        <translation>Fermare la registrazione; il prossimo avvio del programma ripara ciò che è danneggiato.</translation>
    </message>
    <message>
        <source>Switch the AI off and on again.</source>
        <translation>Spegnere e riaccendere l'IA.</translation>
    </message>
    <message>
        <source>Synchronised</source>
        <translation>Sincronizzata</translation>
    </message>
    <message>
        <source>Synchronised: each picture waits for its own boxes</source>
        <translation>Sincronizzata: ogni immagine attende i suoi riquadri</translation>
    </message>
    <message>
        <source>System libraries are missing.</source>
        <translation>Mancano librerie di sistema.</translation>
    </message>
    <message>
        <source>Take in a room file ...</source>
        <translation>Carica un file della sala ...</translation>
    </message>
    <message>
        <source>Take the last mark back</source>
        <translation>Annullare l'ultimo segno</translation>
    </message>
    <message>
        <source>Take the proposal</source>
        <translation>Prendi la proposta</translation>
    </message>
    <message>
        <source>Taken back: {mark}</source>
        <translation>Annullato: {mark}</translation>
    </message>
    <message>
        <source>Test the whole chain on the phantom, ten seconds</source>
        <translation>Provare tutta la catena sul fantoccio, dieci secondi</translation>
    </message>
    <message>
        <source>That is a name from another system; run `polypwatch devices` here.</source>
        <translation>È un nome di un altro sistema; eseguire qui `polypwatch devices`.</translation>
    </message>
    <message>
        <source>The AI is on but analysed nothing. Start Polypwatch again.</source>
        <translation>L'IA è accesa ma non ha analizzato nulla. Riavviare Polypwatch.</translation>
    </message>
    <message>
        <source>The AI needs {0} of shared memory and did not get it: {1}{2}.</source>
        <translation>L'IA ha bisogno di {0} di memoria condivisa e non l'ha avuta: {1}{2}.</translation>
    </message>
    <message>
        <source>The AI process could not be started: {0}.</source>
        <translation>Il processo dell'IA non è partito: {0}.</translation>
    </message>
    <message>
        <source>The AI runs and is recorded, but shows nothing: for the first week.</source>
        <translation>L'IA funziona e viene registrata, ma non mostra nulla: per la prima settimana.</translation>
    </message>
    <message>
        <source>The AI was not on at the end but {0}.</source>
        <translation>Alla fine l'IA non era accesa ma {0}.</translation>
    </message>
    <message>
        <source>The CUDA runtime cannot be loaded: {0}.</source>
        <translation>Il runtime CUDA non si può caricare: {0}.</translation>
    </message>
    <message>
        <source>The DICOM export was broken off: the window was closed.</source>
        <translation>L'esportazione DICOM è stata interrotta: la finestra è stata chiusa.</translation>
    </message>
    <message>
        <source>The DICOM files are being written.</source>
        <translation>I file DICOM vengono scritti.</translation>
    </message>
    <message>
        <source>The NVIDIA driver does not say its version (NVML error {0}).</source>
        <translation>Il driver NVIDIA non dice la sua versione (errore NVML {0}).</translation>
    </message>
    <message>
        <source>The NVIDIA driver finds no card.</source>
        <translation>Il driver NVIDIA non trova nessuna scheda.</translation>
    </message>
    <message>
        <source>The NVIDIA driver finds no usable card (CUDA error {0}).</source>
        <translation>Il driver NVIDIA non trova nessuna scheda utilizzabile (errore CUDA {0}).</translation>
    </message>
    <message>
        <source>The camera options in {0} are not understood.</source>
        <translation>Le opzioni della telecamera in {0} non sono comprensibili.</translation>
    </message>
    <message>
        <source>The cameras cannot be listed: FFmpeg's {0} input says {1}.</source>
        <translation>Le telecamere non si possono elencare: l'ingresso {0} di FFmpeg dice {1}.</translation>
    </message>
    <message>
        <source>The change</source>
        <translation>La modifica</translation>
    </message>
    <message>
        <source>The command line</source>
        <translation>La riga di comando</translation>
    </message>
    <message>
        <source>The computer's</source>
        <translation>Del computer</translation>
    </message>
    <message>
        <source>The default settings are used.</source>
        <translation>Si usano le impostazioni predefinite.</translation>
    </message>
    <message>
        <source>The detector did not start: {0}.</source>
        <translation>Il rilevatore non è partito: {0}.</translation>
    </message>
    <message>
        <source>The device does not offer {0}.</source>
        <translation>Il dispositivo non offre {0}.</translation>
    </message>
    <message>
        <source>The device offers no pixel format that can be read (it offers {0}).</source>
        <translation>Il dispositivo non offre formati di pixel leggibili (offre {0}).</translation>
    </message>
    <message>
        <source>The disk is nearly full: {0} GB are free, at {1} GB the recording stops.</source>
        <translation>Il disco è quasi pieno: sono liberi {0} GB, a {1} GB la registrazione si ferma.</translation>
    </message>
    <message>
        <source>The disk is slow: the last {0} s would be lost if the power failed now.</source>
        <translation>Il disco è lento: se mancasse la corrente ora, si perderebbero gli ultimi {0} s.</translation>
    </message>
    <message>
        <source>The disk lasts for about {0} more minutes of recording ({1} GB are free, at {2} GB the recording stops).</source>
        <translation>Il disco basta per circa altri {0} minuti di registrazione (sono liberi {1} GB, a {2} GB la registrazione si ferma).</translation>
    </message>
    <message>
        <source>The encoder '{0}' does not work on this computer: {1}.</source>
        <translation>Il codificatore '{0}' non funziona su questo computer: {1}.</translation>
    </message>
    <message>
        <source>The encoder {0} failed: {1}.</source>
        <translation>Il codificatore {0} ha fallito: {1}.</translation>
    </message>
    <message>
        <source>The end of the journal is missing.</source>
        <translation>Manca la fine del registro.</translation>
    </message>
    <message>
        <source>The examination does not begin with its start.</source>
        <translation>L'esame non comincia dal suo inizio.</translation>
    </message>
    <message>
        <source>The examination is closed.</source>
        <translation>L'esame è chiuso.</translation>
    </message>
    <message>
        <source>The examination is not recorded: {why}</source>
        <translation>L'esame non viene registrato: {why}</translation>
    </message>
    <message>
        <source>The examination was not started: {0}.</source>
        <translation>L'esame non è stato iniziato: {0}.</translation>
    </message>
    <message>
        <source>The examination's journal cannot be written ({0}: {1}).</source>
        <translation>Il registro dell'esame non si può scrivere ({0}: {1}).</translation>
    </message>
    <message>
        <source>The file was changed by hand; restore it.</source>
        <translation>Il file è stato modificato a mano; ripristinarlo.</translation>
    </message>
    <message>
        <source>The file was changed or damaged.</source>
        <translation>Il file è stato modificato o danneggiato.</translation>
    </message>
    <message>
        <source>The folder is not empty</source>
        <translation>La cartella non è vuota</translation>
    </message>
    <message>
        <source>The folder {0} has no {1}.</source>
        <translation>La cartella {0} non ha {1}.</translation>
    </message>
    <message>
        <source>The folder {0} holds no images.</source>
        <translation>La cartella {0} non contiene immagini.</translation>
    </message>
    <message>
        <source>The folder {0} may not be read.</source>
        <translation>La cartella {0} non si può leggere.</translation>
    </message>
    <message>
        <source>The format {0} is not understood: {1}.</source>
        <translation>Il formato {0} non è comprensibile: {1}.</translation>
    </message>
    <message>
        <source>The graphics card cannot be compared with the CPU: {0}</source>
        <translation>La scheda grafica non si può confrontare con la CPU: {0}</translation>
    </message>
    <message>
        <source>The journal was changed by hand.</source>
        <translation>Il registro è stato modificato a mano.</translation>
    </message>
    <message>
        <source>The key {0} would be for both '{1}' and '{2}'; '{3}' does without it until you choose.</source>
        <translation>Il tasto {0} varrebbe sia per '{1}' sia per '{2}'; '{3}' resta senza finché non se ne sceglie uno.</translation>
    </message>
    <message>
        <source>The keys{0} cannot be so. {1}.</source>
        <translation>I tasti{0} non possono essere così. {1}.</translation>
    </message>
    <message>
        <source>The last self-test is still being put away.</source>
        <translation>L'ultimo autotest è ancora in chiusura.</translation>
    </message>
    <message>
        <source>The live picture and the AI end meanwhile. Look at the processor's own monitor.</source>
        <translation>Intanto l'immagine dal vivo e l'IA si fermano. Guardare il monitor del processore.</translation>
    </message>
    <message>
        <source>The live window goes on.</source>
        <translation>La finestra dal vivo prosegue.</translation>
    </message>
    <message>
        <source>The log has the details.</source>
        <translation>I dettagli sono nel log.</translation>
    </message>
    <message>
        <source>The marks are kept.</source>
        <translation>I segni vengono conservati.</translation>
    </message>
    <message>
        <source>The model file {0} was changed or damaged: its SHA-256 is {1}..., its manifest says {2}....</source>
        <translation>Il file del modello {0} è stato modificato o danneggiato: il suo SHA-256 è {1}..., il manifesto dice {2}....</translation>
    </message>
    <message>
        <source>The most is 1920 x 1080 at 60/s: convert it to a smaller size first.</source>
        <translation>Al massimo 1920 x 1080 a 60/s: convertirlo prima in un formato più piccolo.</translation>
    </message>
    <message>
        <source>The network gave results that are not numbers.</source>
        <translation>La rete ha dato risultati che non sono numeri.</translation>
    </message>
    <message>
        <source>The network of {0} gave scores up to {1} and classes {2} to {3}; its manifest allows scores up to 1 and classes 0 to {4}.</source>
        <translation>La rete di {0} ha dato punteggi fino a {1} e classi da {2} a {3}; il manifesto ammette punteggi fino a 1 e classi da 0 a {4}.</translation>
    </message>
    <message>
        <source>The phantom cannot be played: {0}.</source>
        <translation>Il fantoccio non si può riprodurre: {0}.</translation>
    </message>
    <message>
        <source>The phantom procedure is not installed: {0} is missing.</source>
        <translation>La procedura del fantoccio non è installata: manca {0}.</translation>
    </message>
    <message>
        <source>The photograph is being saved.</source>
        <translation>La fotografia viene salvata.</translation>
    </message>
    <message>
        <source>The picture area could not be found ({0}); the whole picture is shown.</source>
        <translation>L'area dell'immagine non è stata trovata ({0}); si mostra l'immagine intera.</translation>
    </message>
    <message>
        <source>The picture area could not be found: {0}. Set it by hand.</source>
        <translation>L'area dell'immagine non è stata trovata: {0}. Impostarla a mano.</translation>
    </message>
    <message>
        <source>The picture area is being looked for: move the endoscope a little.</source>
        <translation>Si cerca l'area dell'immagine: muovere un po' l'endoscopio.</translation>
    </message>
    <message>
        <source>The picture area is being looked for; the whole picture is shown meanwhile.</source>
        <translation>Si cerca l'area dell'immagine; intanto si mostra l'immagine intera.</translation>
    </message>
    <message>
        <source>The picture area {0} must have even numbers, and a width and height.</source>
        <translation>L'area dell'immagine {0} deve avere numeri pari, una larghezza e un'altezza.</translation>
    </message>
    <message>
        <source>The picture cannot be painted.
Look at the processor's own monitor.</source>
        <translation>L'immagine non si può disegnare.
Guardare il monitor del processore.</translation>
    </message>
    <message>
        <source>The picture is not checked now: {fault}</source>
        <translation>L'immagine ora non è controllata: {fault}</translation>
    </message>
    <message>
        <source>The picture is right</source>
        <translation>L'immagine è giusta</translation>
    </message>
    <message>
        <source>The picture is shown as it comes again.</source>
        <translation>L'immagine è di nuovo mostrata come arriva.</translation>
    </message>
    <message>
        <source>The picture is {0} x {1} pixels: the area {2} that was set for it does not fit.</source>
        <translation>L'immagine è di {0} x {1} pixel: l'area {2} impostata per essa non ci sta.</translation>
    </message>
    <message>
        <source>The picture stands still</source>
        <translation>L'immagine è ferma</translation>
    </message>
    <message>
        <source>The picture {0} cannot be read.</source>
        <translation>L'immagine {0} non si può leggere.</translation>
    </message>
    <message>
        <source>The processor's own monitor is not affected.</source>
        <translation>Il monitor del processore non ne risente.</translation>
    </message>
    <message>
        <source>The processor's own monitor stays connected, and Polypwatch is the second picture.</source>
        <translation>Il monitor del processore resta collegato, e Polypwatch è la seconda immagine.</translation>
    </message>
    <message>
        <source>The processor's own monitor stays the primary picture.</source>
        <translation>Il monitor del processore resta l'immagine principale.</translation>
    </message>
    <message>
        <source>The processor's own monitor: stays connected</source>
        <translation>Il monitor del processore: resta collegato</translation>
    </message>
    <message>
        <source>The recording cannot be read back: {0}. Check the disk.</source>
        <translation>La registrazione non si può rileggere: {0}. Controllare il disco.</translation>
    </message>
    <message>
        <source>The recording failed: {0}</source>
        <translation>La registrazione è fallita: {0}</translation>
    </message>
    <message>
        <source>The recording falls behind: {0} pictures wait. Close other programs.</source>
        <translation>La registrazione resta indietro: {0} immagini in attesa. Chiudere gli altri programmi.</translation>
    </message>
    <message>
        <source>The recording goes on.</source>
        <translation>La registrazione prosegue.</translation>
    </message>
    <message>
        <source>The recording {0} cannot be repaired: {1}.</source>
        <translation>La registrazione {0} non si può riparare: {1}.</translation>
    </message>
    <message>
        <source>The recording {0} was interrupted and is not repaired yet: {1}.</source>
        <translation>La registrazione {0} è stata interrotta e non è ancora riparata: {1}.</translation>
    </message>
    <message>
        <source>The recording {0} was interrupted and is repaired: {1}.</source>
        <translation>La registrazione {0} è stata interrotta ed è riparata: {1}.</translation>
    </message>
    <message>
        <source>The replay makes way: there is a mark below it.</source>
        <translation>Il replay si ritira: sotto c'è un marcatore.</translation>
    </message>
    <message>
        <source>The report cannot be made: Qt does not begin another page.</source>
        <translation>Il referto non si può creare: Qt non comincia un'altra pagina.</translation>
    </message>
    <message>
        <source>The report cannot be made: Qt does not write PDF here.</source>
        <translation>Il referto non si può creare: qui Qt non scrive PDF.</translation>
    </message>
    <message>
        <source>The report is being written.</source>
        <translation>Il referto viene scritto.</translation>
    </message>
    <message>
        <source>The report is written.</source>
        <translation>Il referto è scritto.</translation>
    </message>
    <message>
        <source>The report is written; the record has gaps.</source>
        <translation>Il referto è scritto; la registrazione degli eventi è lacunosa.</translation>
    </message>
    <message>
        <source>The report was not written: {why}</source>
        <translation>Il referto non è stato scritto: {why}</translation>
    </message>
    <message>
        <source>The report {0} cannot be written: {1}.</source>
        <translation>Il referto {0} non si può scrivere: {1}.</translation>
    </message>
    <message>
        <source>The room</source>
        <translation>La sala</translation>
    </message>
    <message>
        <source>The room '{0}'</source>
        <translation>La sala '{0}'</translation>
    </message>
    <message>
        <source>The room has no name yet.</source>
        <translation>La sala non ha ancora un nome.</translation>
    </message>
    <message>
        <source>The score from which a marker appears.</source>
        <translation>Il punteggio da cui appare un marcatore.</translation>
    </message>
    <message>
        <source>The second monitor is back: {name}.</source>
        <translation>Il secondo monitor è tornato: {name}.</translation>
    </message>
    <message>
        <source>The second monitor is gone: {name}.</source>
        <translation>Il secondo monitor è scomparso: {name}.</translation>
    </message>
    <message>
        <source>The second monitor shows boxes, too.</source>
        <translation>Il secondo monitor mostra anche i riquadri.</translation>
    </message>
    <message>
        <source>The second monitor shows the picture without boxes.</source>
        <translation>Il secondo monitor mostra l'immagine senza riquadri.</translation>
    </message>
    <message>
        <source>The settings could not be used and were kept as {0}; nothing was set since: the default settings are used. `polypwatch settings --reset` accepts them.</source>
        <translation>Le impostazioni non erano utilizzabili e sono conservate come {0}; da allora nulla è stato impostato: si usano quelle predefinite. `polypwatch settings --reset` le accetta.</translation>
    </message>
    <message>
        <source>The snapshot was not saved: the picture cannot be written as PNG.</source>
        <translation>La fotografia non è stata salvata: l'immagine non si può scrivere come PNG.</translation>
    </message>
    <message>
        <source>The snapshot was not saved: {0}: {1}.</source>
        <translation>La fotografia non è stata salvata: {0}: {1}.</translation>
    </message>
    <message>
        <source>The sound is muted. Press M, and test again.</source>
        <translation>Il suono è spento. Premere M e ripetere il test.</translation>
    </message>
    <message>
        <source>The sound was played. Did you hear it?</source>
        <translation>Il suono è stato emesso. Si è sentito?</translation>
    </message>
    <message>
        <source>The source cannot be opened</source>
        <translation>La sorgente non si apre</translation>
    </message>
    <message>
        <source>The source sends the same picture again and again. No polyps are marked.</source>
        <translation>La sorgente invia sempre la stessa immagine. I polipi non sono segnalati.</translation>
    </message>
    <message>
        <source>The stream cannot be copied while its fields are shown as pictures of their own: no frame would be found again in it.</source>
        <translation>Il flusso non si può copiare mentre i suoi campi sono mostrati come immagini a sé: nessun fotogramma vi si ritroverebbe.</translation>
    </message>
    <message>
        <source>The stream is not copied: {0}.</source>
        <translation>Il flusso non viene copiato: {0}.</translation>
    </message>
    <message>
        <source>The time of the examination has no time zone.</source>
        <translation>L'ora dell'esame non ha un fuso orario.</translation>
    </message>
    <message>
        <source>The video goes on.</source>
        <translation>Il video prosegue.</translation>
    </message>
    <message>
        <source>The video has ended</source>
        <translation>Il video è finito</translation>
    </message>
    <message>
        <source>The video in {0} cannot be decoded: {1}.</source>
        <translation>Il video in {0} non si può decodificare: {1}.</translation>
    </message>
    <message>
        <source>The video in {0} cannot be read: {1}.</source>
        <translation>Il video in {0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>The video is interlaced ({0}): each frame is shown as two pictures.</source>
        <translation>Il video è interlacciato ({0}): ogni fotogramma è mostrato come due immagini.</translation>
    </message>
    <message>
        <source>The video is interlaced: each frame is shown as two pictures.</source>
        <translation>Il video è interlacciato: ogni fotogramma è mostrato come due immagini.</translation>
    </message>
    <message>
        <source>The video was exchanged or cut; restore it, or open the video file itself.</source>
        <translation>Il video è stato scambiato o tagliato; ripristinarlo, o aprire direttamente il file video.</translation>
    </message>
    <message>
        <source>The window crashed and was started again.</source>
        <translation>La finestra si è arrestata ed è stata riavviata.</translation>
    </message>
    <message>
        <source>The window {0}: {1} crashes within {2} s.</source>
        <translation>La finestra {0}: {1} arresti in {2} s.</translation>
    </message>
    <message>
        <source>The window {0}: {1} times in a row it has not come up.</source>
        <translation>La finestra {0}: {1} volte di seguito non si è aperta.</translation>
    </message>
    <message>
        <source>The written video holds {0} pictures of {1}.</source>
        <translation>Il video scritto contiene {0} immagini su {1}.</translation>
    </message>
    <message>
        <source>The {0} '{1}' cannot be written into a DICOM file.</source>
        <translation>Il {0} '{1}' non si può scrivere in un file DICOM.</translation>
    </message>
    <message>
        <source>The {0} cannot be opened as {1}: {2}.</source>
        <translation>La sorgente {0} non si apre come {1}: {2}.</translation>
    </message>
    <message>
        <source>The {0} cannot be opened: this machine has no {1} devices.</source>
        <translation>La sorgente {0} non si apre: questo computer non ha dispositivi {1}.</translation>
    </message>
    <message>
        <source>The {0} cannot be opened{1}.</source>
        <translation>La sorgente {0} non si apre{1}.</translation>
    </message>
    <message>
        <source>The {0} carries no picture.</source>
        <translation>La sorgente {0} non porta immagini.</translation>
    </message>
    <message>
        <source>The {0} file of {1} on {2} does not give the boxes of the CPU: {3}.</source>
        <translation>Il file {0} di {1} su {2} non dà i riquadri della CPU: {3}.</translation>
    </message>
    <message>
        <source>The {0} gives {1}, not {2} as asked for.</source>
        <translation>La sorgente {0} dà {1}, non {2} come richiesto.</translation>
    </message>
    <message>
        <source>The {0} provider did not start: {1}.</source>
        <translation>Il provider {0} non è partito: {1}.</translation>
    </message>
    <message>
        <source>There can be no sound: {0}. Connect a loudspeaker; boxes appear as always.</source>
        <translation>Il suono non è possibile: {0}. Collegare un altoparlante; i riquadri appaiono come sempre.</translation>
    </message>
    <message>
        <source>There is no camera {0}.</source>
        <translation>La telecamera {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no encoder '{0}'.</source>
        <translation>Il codificatore '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no folder for examinations.</source>
        <translation>Non c'è una cartella per gli esami.</translation>
    </message>
    <message>
        <source>There is no folder {0} either.</source>
        <translation>Anche la cartella {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no folder {path}.</source>
        <translation>La cartella {path} non c'è.</translation>
    </message>
    <message>
        <source>There is no lesion {0}.</source>
        <translation>La lesione {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no mark to take back.</source>
        <translation>Non ci sono segni da annullare.</translation>
    </message>
    <message>
        <source>There is no model '{0}'.</source>
        <translation>Il modello '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no model folder {0}.</source>
        <translation>La cartella del modello {0} non c'è.</translation>
    </message>
    <message>
        <source>There is no picture to save yet.</source>
        <translation>Non c'è ancora un'immagine da salvare.</translation>
    </message>
    <message>
        <source>There is no picture yet.</source>
        <translation>Non c'è ancora un'immagine.</translation>
    </message>
    <message>
        <source>There is no provider '{0}'.</source>
        <translation>Il provider '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no room for {0} pictures of {1} bytes in shared memory.</source>
        <translation>Nella memoria condivisa non c'è posto per {0} immagini di {1} byte.</translation>
    </message>
    <message>
        <source>There is no second monitor.</source>
        <translation>Non c'è un secondo monitor.</translation>
    </message>
    <message>
        <source>There is no sensitivity '{0}'.</source>
        <translation>La sensibilità '{0}' non c'è.</translation>
    </message>
    <message>
        <source>There is no setting '{0}'{1}.</source>
        <translation>L'impostazione '{0}' non c'è{1}.</translation>
    </message>
    <message>
        <source>This GStreamer has no decklinkvideosrc.</source>
        <translation>Questo GStreamer non ha decklinkvideosrc.</translation>
    </message>
    <message>
        <source>This ONNX Runtime has no {0} provider (it has: {1}).</source>
        <translation>Questo ONNX Runtime non ha il provider {0} (ha: {1}).</translation>
    </message>
    <message>
        <source>This ONNX Runtime is built without CUDA.</source>
        <translation>Questo ONNX Runtime è costruito senza CUDA.</translation>
    </message>
    <message>
        <source>This area is right</source>
        <translation>Quest'area è giusta</translation>
    </message>
    <message>
        <source>This computer encodes about {0} pictures per second of {1} x {2} with {3}, and {4} come: pictures may be missing in the recording. Close other programs, or choose a smaller format of the source.</source>
        <translation>Questo computer codifica circa {0} immagini al secondo di {1} x {2} con {3}, e ne arrivano {4}: nella registrazione possono mancare immagini. Chiudere gli altri programmi, o scegliere un formato più piccolo della sorgente.</translation>
    </message>
    <message>
        <source>This machine has no video device.</source>
        <translation>Questo computer non ha dispositivi video.</translation>
    </message>
    <message>
        <source>This session cannot record.</source>
        <translation>Questa sessione non può registrare.</translation>
    </message>
    <message>
        <source>This source is not compressed: there is no stream to copy.</source>
        <translation>Questa sorgente non è compressa: non c'è un flusso da copiare.</translation>
    </message>
    <message>
        <source>This window has no self-test.</source>
        <translation>Questa finestra non ha l'autotest.</translation>
    </message>
    <message>
        <source>Threads on the CPU</source>
        <translation>Thread sulla CPU</translation>
    </message>
    <message>
        <source>Threshold (expert)</source>
        <translation>Soglia (esperti)</translation>
    </message>
    <message>
        <source>Time before a marker, in ms</source>
        <translation>Tempo prima del marcatore, in ms</translation>
    </message>
    <message>
        <source>To delete them: `polypwatch recordings --delete`, after the examination.</source>
        <translation>Per eliminarle: `polypwatch recordings --delete`, dopo l'esame.</translation>
    </message>
    <message>
        <source>Too little contrast</source>
        <translation>Contrasto troppo basso</translation>
    </message>
    <message>
        <source>Too much contrast</source>
        <translation>Contrasto troppo alto</translation>
    </message>
    <message>
        <source>Top first</source>
        <translation>Prima il superiore</translation>
    </message>
    <message>
        <source>Try `gst-inspect-1.0 videotestsrc`.</source>
        <translation>Provare `gst-inspect-1.0 videotestsrc`.</translation>
    </message>
    <message>
        <source>Try again in a moment.</source>
        <translation>Riprovare tra un momento.</translation>
    </message>
    <message>
        <source>Try again when it is done.</source>
        <translation>Riprovare quando ha finito.</translation>
    </message>
    <message>
        <source>Try again, or use `polypwatch report`.</source>
        <translation>Riprovare, o usare `polypwatch report`.</translation>
    </message>
    <message>
        <source>Try another provider or model.</source>
        <translation>Provare un altro provider o un altro modello.</translation>
    </message>
    <message>
        <source>Try another provider.</source>
        <translation>Provare un altro provider.</translation>
    </message>
    <message>
        <source>Try it with gst-launch-1.0, ending in `! autovideosink`; install the plug-in that a missing element is from. Write no appsink: it is added.</source>
        <translation>Provarla con gst-launch-1.0, con `! autovideosink` alla fine; installare il plug-in da cui viene un elemento mancante. Non scrivere appsink: viene aggiunto.</translation>
    </message>
    <message>
        <source>Try the pipeline with gst-launch-1.0, ending in `! autovideosink`.</source>
        <translation>Provare la pipeline con gst-launch-1.0, con `! autovideosink` alla fine.</translation>
    </message>
    <message>
        <source>Trying again ({n}).</source>
        <translation>Si riprova ({n}).</translation>
    </message>
    <message>
        <source>Two fields in each frame</source>
        <translation>Due campi in ogni fotogramma</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Annulla</translation>
    </message>
    <message>
        <source>Unexpected error in {place}: {error}.</source>
        <translation>Errore inatteso in {place}: {error}.</translation>
    </message>
    <message>
        <source>Unexpected error: {0}: {1}.</source>
        <translation>Errore inatteso: {0}: {1}.</translation>
    </message>
    <message>
        <source>Unexpected error: {kind}: {error}.</source>
        <translation>Errore inatteso: {kind}: {error}.</translation>
    </message>
    <message>
        <source>Unplug and replug the device, or restart Polypwatch.</source>
        <translation>Scollegare e ricollegare il dispositivo, o riavviare Polypwatch.</translation>
    </message>
    <message>
        <source>Unplug the device and plug it in again.</source>
        <translation>Scollegare e ricollegare il dispositivo.</translation>
    </message>
    <message>
        <source>Unplug the device and plug it in again; try another port and cable.</source>
        <translation>Scollegare e ricollegare il dispositivo; provare un'altra porta e un altro cavo.</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>Su</translation>
    </message>
    <message>
        <source>Up to {width} x {height} at {rates}.</source>
        <translation>Fino a {width} x {height} a {rates}.</translation>
    </message>
    <message>
        <source>Upper edge</source>
        <translation>Bordo superiore</translation>
    </message>
    <message>
        <source>Use a newer version of Polypwatch.</source>
        <translation>Usare una versione più nuova di Polypwatch.</translation>
    </message>
    <message>
        <source>Use rtsp, udp, rtp, tcp, http or https.</source>
        <translation>Usare rtsp, udp, rtp, tcp, http o https.</translation>
    </message>
    <message>
        <source>Use the version of Polypwatch that wrote it, or a newer one.</source>
        <translation>Usare la versione di Polypwatch che lo ha scritto, o una più nuova.</translation>
    </message>
    <message>
        <source>VIDEO ENDED</source>
        <translation>VIDEO FINITO</translation>
    </message>
    <message>
        <source>Value error, {0}</source>
        <translation>Valore errato, {0}</translation>
    </message>
    <message>
        <source>Valve</source>
        <translation>Valvola</translation>
    </message>
    <message>
        <source>Variant {0} of {1} wants resize rule '{2}'; this version has '{3}'.</source>
        <translation>La variante {0} di {1} richiede la regola di ridimensionamento '{2}'; questa versione ha '{3}'.</translation>
    </message>
    <message>
        <source>Video file</source>
        <translation>File video</translation>
    </message>
    <message>
        <source>Video file ...</source>
        <translation>File video ...</translation>
    </message>
    <message>
        <source>Video of {0} x {1} pixels at {2}/s is more than DICOM's H.264 video holds.</source>
        <translation>Un video di {0} x {1} pixel a {2}/s è più di quanto contiene il video H.264 di DICOM.</translation>
    </message>
    <message>
        <source>Videos</source>
        <translation>Video</translation>
    </message>
    <message>
        <source>Videos are MP4, MOV, MKV, WebM, AVI, MPEG or TS files; for images, name the image or their folder.</source>
        <translation>I video sono file MP4, MOV, MKV, WebM, AVI, MPEG o TS; per le immagini, indicare l'immagine o la loro cartella.</translation>
    </message>
    <message>
        <source>Volume {percent} %</source>
        <translation>Volume {percent} %</translation>
    </message>
    <message>
        <source>Volume, in %</source>
        <translation>Volume, in %</translation>
    </message>
    <message>
        <source>WRITING FILES</source>
        <translation>SCRITTURA FILE</translation>
    </message>
    <message>
        <source>Wait until that has ended.</source>
        <translation>Attendere che abbia finito.</translation>
    </message>
    <message>
        <source>Waiting for the first picture ...</source>
        <translation>In attesa della prima immagine ...</translation>
    </message>
    <message>
        <source>Was it cut short, or edited by hand?</source>
        <translation>È stato troncato, o modificato a mano?</translation>
    </message>
    <message>
        <source>Wash</source>
        <translation>Lavaggio</translation>
    </message>
    <message>
        <source>Watch the processor's own monitor; the log has the details.</source>
        <translation>Guardare il monitor del processore; i dettagli sono nel log.</translation>
    </message>
    <message>
        <source>What runs the model</source>
        <translation>Chi esegue il modello</translation>
    </message>
    <message>
        <source>What they were taken for and are, as 601:709. Empty: they are right.</source>
        <translation>Per che cosa sono stati presi e che cosa sono, come 601:709. Vuoto: sono giusti.</translation>
    </message>
    <message>
        <source>What was named and does not come up is an error.</source>
        <translation>Ciò che è indicato e non si avvia è un errore.</translation>
    </message>
    <message>
        <source>What was recorded is kept. You can start Polypwatch again.</source>
        <translation>Ciò che è stato registrato è conservato. Polypwatch si può riavviare.</translation>
    </message>
    <message>
        <source>What was to be written</source>
        <translation>Ciò che si doveva scrivere</translation>
    </message>
    <message>
        <source>What you see is its last picture.</source>
        <translation>Si vede la sua ultima immagine.</translation>
    </message>
    <message>
        <source>What you see is the last picture received, not the present one.</source>
        <translation>Si vede l'ultima immagine ricevuta, non quella attuale.</translation>
    </message>
    <message>
        <source>Where do the pictures come from?</source>
        <translation>Da dove vengono le immagini?</translation>
    </message>
    <message>
        <source>Whether it is interlaced shows as soon as something moves.</source>
        <translation>Se è interlacciato si vede appena qualcosa si muove.</translation>
    </message>
    <message>
        <source>Which part is the endoscope's picture?</source>
        <translation>Quale parte è l'immagine dell'endoscopio?</translation>
    </message>
    <message>
        <source>Whole picture</source>
        <translation>Immagine intera</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>Finestra</translation>
    </message>
    <message>
        <source>With a finger, the mouse, or the arrow keys (with Shift: faster).</source>
        <translation>Con un dito, il mouse o le frecce (con Maiusc: più veloce).</translation>
    </message>
    <message>
        <source>Withdrawal</source>
        <translation>Retrazione</translation>
    </message>
    <message>
        <source>Withdrawal {time}; the target is {target} on average</source>
        <translation>Retrazione {time}; l'obiettivo medio è {target}</translation>
    </message>
    <message>
        <source>Withdrawal, in minutes</source>
        <translation>Retrazione, in minuti</translation>
    </message>
    <message>
        <source>Write `polypwatch live camera:0`, or once `polypwatch settings --set source.spec=camera:0`.</source>
        <translation>Scrivere `polypwatch live camera:0`, o una volta `polypwatch settings --set source.spec=camera:0`.</translation>
    </message>
    <message>
        <source>Write a note</source>
        <translation>Scrivere una nota</translation>
    </message>
    <message>
        <source>Write a room file ...</source>
        <translation>Scrivi un file della sala ...</translation>
    </message>
    <message>
        <source>Write auto, off, top or bottom.</source>
        <translation>Scrivere auto, off, top o bottom.</translation>
    </message>
    <message>
        <source>Write camera:0, camera:/dev/video0, or a source that `polypwatch devices` lists.</source>
        <translation>Scrivere camera:0, camera:/dev/video0, o una sorgente elencata da `polypwatch devices`.</translation>
    </message>
    <message>
        <source>Write decklink:0 or decklink:0?mode=1080p50&amp;connection=sdi; cards are numbered from 0.</source>
        <translation>Scrivere decklink:0 o decklink:0?mode=1080p50&amp;connection=sdi; le schede sono numerate da 0.</translation>
    </message>
    <message>
        <source>Write full, auto, or X,Y,W,H such as 420,0,1080,1080.</source>
        <translation>Scrivere full, auto, o X,Y,W,H come 420,0,1080,1080.</translation>
    </message>
    <message>
        <source>Write it as 1920x1080.</source>
        <translation>Scriverlo come 1920x1080.</translation>
    </message>
    <message>
        <source>Write it as 2026-03-01T08:30:00+01:00.</source>
        <translation>Scriverla come 2026-03-01T08:30:00+01:00.</translation>
    </message>
    <message>
        <source>Write it as 4:3 or 16:9.</source>
        <translation>Scriverla come 4:3 o 16:9.</translation>
    </message>
    <message>
        <source>Write it as UYVY@1920x1080@50, or a part of that; pixel formats are {0}.</source>
        <translation>Scriverlo come UYVY@1920x1080@50, o una parte; i formati dei pixel sono {0}.</translation>
    </message>
    <message>
        <source>Write it as ai.sensitivity=low.</source>
        <translation>Scriverlo come ai.sensitivity=low.</translation>
    </message>
    <message>
        <source>Write it as for gst-launch-1.0 and without its sink, such as gst:v4l2src device=/dev/video0.</source>
        <translation>Scriverla come per gst-launch-1.0 e senza il sink, come gst:v4l2src device=/dev/video0.</translation>
    </message>
    <message>
        <source>Write the score beside a marker.</source>
        <translation>Scrivere il punteggio accanto a un marcatore.</translation>
    </message>
    <message>
        <source>Write the whole path of the folder.</source>
        <translation>Scrivere il percorso completo della cartella.</translation>
    </message>
    <message>
        <source>Write them as camera:0?format=MJPG@1920x1080@60 or as camera:0?size=1920x1080&amp;rate=60&amp;fourcc=MJPG.</source>
        <translation>Scriverle come camera:0?format=MJPG@1920x1080@60 o come camera:0?size=1920x1080&amp;rate=60&amp;fourcc=MJPG.</translation>
    </message>
    <message>
        <source>Write them as rtsp://NAME:PASSWORD@HOST/...</source>
        <translation>Scriverli come rtsp://NOME:PASSWORD@HOST/...</translation>
    </message>
    <message>
        <source>Write what it was taken for and is, as 601:709.</source>
        <translation>Scrivere per che cosa è stato preso e che cosa è, come 601:709.</translation>
    </message>
    <message>
        <source>Written: {path}</source>
        <translation>Scritto: {path}</translation>
    </message>
    <message>
        <source>Yes: export nothing</source>
        <translation>Sì: non esportare</translation>
    </message>
    <message>
        <source>`--export` writes one.</source>
        <translation>`--export` ne scrive uno.</translation>
    </message>
    <message>
        <source>`polypwatch live --help` says what can be written.</source>
        <translation>`polypwatch live --help` dice che cosa si può scrivere.</translation>
    </message>
    <message>
        <source>`polypwatch models` lists the installed models.</source>
        <translation>`polypwatch models` elenca i modelli installati.</translation>
    </message>
    <message>
        <source>`polypwatch settings --describe` lists all of them.</source>
        <translation>`polypwatch settings --describe` le elenca tutte.</translation>
    </message>
    <message>
        <source>a frame is (H, W, 3) uint8, not {0} {1}</source>
        <translation>un fotogramma è (H, W, 3) uint8, non {0} {1}</translation>
    </message>
    <message>
        <source>a packet could not be decoded</source>
        <translation>un pacchetto non è stato decodificato</translation>
    </message>
    <message>
        <source>a packet gave no picture</source>
        <translation>un pacchetto non ha dato un'immagine</translation>
    </message>
    <message>
        <source>a part of the recording is missing: internal error {0}</source>
        <translation>manca una parte della registrazione: errore interno {0}</translation>
    </message>
    <message>
        <source>a picture of an unexpected size</source>
        <translation>un'immagine di dimensioni inattese</translation>
    </message>
    <message>
        <source>a picture of one line has no fields</source>
        <translation>un'immagine di una sola riga non ha campi</translation>
    </message>
    <message>
        <source>a program</source>
        <translation>un programma</translation>
    </message>
    <message>
        <source>a property has a value that its element does not take</source>
        <translation>una proprietà ha un valore che il suo elemento non accetta</translation>
    </message>
    <message>
        <source>an even {0} pictures/s was written; the source's times differ by at most {1} ms</source>
        <translation>sono scritte {0} immagini/s regolari; i tempi della sorgente differiscono al massimo di {1} ms</translation>
    </message>
    <message>
        <source>an intervention is running already.</source>
        <translation>un intervento è già in corso.</translation>
    </message>
    <message>
        <source>an uneven rate: times are exact to 1/90000 s in the video, to {0} ms in the Frame Time Vector</source>
        <translation>una cadenza irregolare: i tempi sono esatti a 1/90000 s nel video, a {0} ms nel Frame Time Vector</translation>
    </message>
    <message>
        <source>another program</source>
        <translation>un altro programma</translation>
    </message>
    <message>
        <source>another program uses it</source>
        <translation>lo usa un altro programma</translation>
    </message>
    <message>
        <source>another recording goes there</source>
        <translation>lì scrive un'altra registrazione</translation>
    </message>
    <message>
        <source>as the device sends</source>
        <translation>come invia il dispositivo</translation>
    </message>
    <message>
        <source>ask for the rate that the processor sends if it is another</source>
        <translation>se il processore invia un'altra cadenza, richiedere quella</translation>
    </message>
    <message>
        <source>behind</source>
        <translation>in ritardo</translation>
    </message>
    <message>
        <source>being looked for</source>
        <translation>si sta cercando</translation>
    </message>
    <message>
        <source>blurred</source>
        <translation>sfocata</translation>
    </message>
    <message>
        <source>boxes are cleared</source>
        <translation>riquadri tolti</translation>
    </message>
    <message>
        <source>boxes are hidden</source>
        <translation>riquadri nascosti</translation>
    </message>
    <message>
        <source>camera {0}</source>
        <translation>telecamera {0}</translation>
    </message>
    <message>
        <source>camera:{0} names no camera.</source>
        <translation>camera:{0} non indica nessuna telecamera.</translation>
    </message>
    <message>
        <source>cannot be opened</source>
        <translation>non si apre</translation>
    </message>
    <message>
        <source>cannot be read: {0}</source>
        <translation>non si può leggere: {0}</translation>
    </message>
    <message>
        <source>cannot write into {0}: {1}. Choose another folder.</source>
        <translation>non si può scrivere in {0}: {1}. Scegliere un'altra cartella.</translation>
    </message>
    <message>
        <source>closed too soon</source>
        <translation>chiusa troppo presto</translation>
    </message>
    <message>
        <source>command line</source>
        <translation>riga di comando</translation>
    </message>
    <message>
        <source>could not be found</source>
        <translation>non è stata trovata</translation>
    </message>
    <message>
        <source>crashed with 0x{0}</source>
        <translation>si è arrestata con 0x{0}</translation>
    </message>
    <message>
        <source>crashed with an error that nobody expected</source>
        <translation>si è arrestata con un errore inatteso</translation>
    </message>
    <message>
        <source>damaged frames</source>
        <translation>fotogrammi danneggiati</translation>
    </message>
    <message>
        <source>damaged or cut off PNG</source>
        <translation>PNG danneggiato o troncato</translation>
    </message>
    <message>
        <source>damaged, cut off or no image</source>
        <translation>danneggiato, troncato o non è un'immagine</translation>
    </message>
    <message>
        <source>dark</source>
        <translation>buia</translation>
    </message>
    <message>
        <source>default</source>
        <translation>predefinito</translation>
    </message>
    <message>
        <source>device vanished</source>
        <translation>dispositivo scomparso</translation>
    </message>
    <message>
        <source>did not close in time</source>
        <translation>non si è chiusa in tempo</translation>
    </message>
    <message>
        <source>did not come up within {0} s</source>
        <translation>non è partita entro {0} s</translation>
    </message>
    <message>
        <source>disk not writable</source>
        <translation>disco non scrivibile</translation>
    </message>
    <message>
        <source>disk {n} h</source>
        <translation>disco {n} h</translation>
    </message>
    <message>
        <source>does not hold an image</source>
        <translation>non contiene un'immagine</translation>
    </message>
    <message>
        <source>empty file (0 bytes)</source>
        <translation>file vuoto (0 byte)</translation>
    </message>
    <message>
        <source>encoder failed</source>
        <translation>codificatore guasto</translation>
    </message>
    <message>
        <source>encoder or disk too slow</source>
        <translation>codificatore o disco troppo lento</translation>
    </message>
    <message>
        <source>ended</source>
        <translation>finito</translation>
    </message>
    <message>
        <source>ended early: {0}</source>
        <translation>finito prima: {0}</translation>
    </message>
    <message>
        <source>event {0} ({1}) is what the program did: it cannot be withdrawn.</source>
        <translation>l'evento {0} ({1}) è opera del programma: non si può annullare.</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>guasta</translation>
    </message>
    <message>
        <source>false alarms unknown</source>
        <translation>falsi allarmi ignoti</translation>
    </message>
    <message>
        <source>field '{0}': {1}</source>
        <translation>campo '{0}': {1}</translation>
    </message>
    <message>
        <source>first output, as always</source>
        <translation>prima uscita, come sempre</translation>
    </message>
    <message>
        <source>for {time}</source>
        <translation>da {time}</translation>
    </message>
    <message>
        <source>found; please confirm</source>
        <translation>trovata; confermare, prego</translation>
    </message>
    <message>
        <source>frames of one size are compared, not {0} and {1}</source>
        <translation>si confrontano fotogrammi della stessa dimensione, non {0} e {1}</translation>
    </message>
    <message>
        <source>full, auto or X,Y,W,H: what is shown, analysed and recorded.</source>
        <translation>full, auto o X,Y,W,H: ciò che è mostrato, analizzato e registrato.</translation>
    </message>
    <message>
        <source>getting ready for pictures of this size</source>
        <translation>preparazione per immagini di questa dimensione</translation>
    </message>
    <message>
        <source>given at the start: it goes before what is set here</source>
        <translation>indicato all'avvio: prevale su ciò che è impostato qui</translation>
    </message>
    <message>
        <source>gst:{0} names no pipeline.</source>
        <translation>gst:{0} non indica nessuna pipeline.</translation>
    </message>
    <message>
        <source>holds no image</source>
        <translation>non contiene immagini</translation>
    </message>
    <message>
        <source>hung for {0} s</source>
        <translation>è rimasta bloccata per {0} s</translation>
    </message>
    <message>
        <source>interlaced, bottom field first</source>
        <translation>interlacciato, prima il campo inferiore</translation>
    </message>
    <message>
        <source>interlaced, top field first</source>
        <translation>interlacciato, prima il campo superiore</translation>
    </message>
    <message>
        <source>internal error {0}</source>
        <translation>errore interno {0}</translation>
    </message>
    <message>
        <source>internal error: {0}</source>
        <translation>errore interno: {0}</translation>
    </message>
    <message>
        <source>intervention</source>
        <translation>intervento</translation>
    </message>
    <message>
        <source>intervention: clock waits</source>
        <translation>intervento: orologio fermo</translation>
    </message>
    <message>
        <source>is damaged</source>
        <translation>è danneggiata</translation>
    </message>
    <message>
        <source>is missing</source>
        <translation>manca</translation>
    </message>
    <message>
        <source>it cannot be opened</source>
        <translation>non si apre</translation>
    </message>
    <message>
        <source>it does not answer</source>
        <translation>non risponde</translation>
    </message>
    <message>
        <source>it found no lesion</source>
        <translation>non ha trovato lesioni</translation>
    </message>
    <message>
        <source>it gave nothing</source>
        <translation>non ha dato nulla</translation>
    </message>
    <message>
        <source>it has changed since it was looked at</source>
        <translation>è cambiato da quando è stato esaminato</translation>
    </message>
    <message>
        <source>it is being recorded into</source>
        <translation>vi si sta registrando</translation>
    </message>
    <message>
        <source>it is no longer there</source>
        <translation>non c'è più</translation>
    </message>
    <message>
        <source>it is no pixel format, size or rate</source>
        <translation>non è né un formato di pixel, né una dimensione, né una cadenza</translation>
    </message>
    <message>
        <source>it is no video device</source>
        <translation>non è un dispositivo video</translation>
    </message>
    <message>
        <source>it is open in {0}</source>
        <translation>è aperto in {0}</translation>
    </message>
    <message>
        <source>it lists no formats</source>
        <translation>non elenca formati</translation>
    </message>
    <message>
        <source>it names two: {0} and {1}</source>
        <translation>ne indica due: {0} e {1}</translation>
    </message>
    <message>
        <source>it offers nothing uncompressed at this size</source>
        <translation>a questa dimensione non offre nulla di non compresso</translation>
    </message>
    <message>
        <source>it was not begun.</source>
        <translation>non è stata iniziata.</translation>
    </message>
    <message>
        <source>its answers came too late to be shown</source>
        <translation>le risposte sono arrivate troppo tardi per essere mostrate</translation>
    </message>
    <message>
        <source>its colours are not put right in it</source>
        <translation>i suoi colori non vi sono corretti</translation>
    </message>
    <message>
        <source>its edges did not stay the same</source>
        <translation>i suoi bordi non sono rimasti uguali</translation>
    </message>
    <message>
        <source>its formats cannot be listed: {0}</source>
        <translation>i suoi formati non si possono elencare: {0}</translation>
    </message>
    <message>
        <source>its pixels are not made square in it</source>
        <translation>i suoi pixel non vi diventano quadrati</translation>
    </message>
    <message>
        <source>last alert</source>
        <translation>ultima segnalazione</translation>
    </message>
    <message>
        <source>lesion {0} was found already.</source>
        <translation>la lesione {0} era già trovata.</translation>
    </message>
    <message>
        <source>lesions: {n}</source>
        <translation>lesioni: {n}</translation>
    </message>
    <message>
        <source>loading the model</source>
        <translation>caricamento del modello</translation>
    </message>
    <message>
        <source>looking through</source>
        <translation>esame dei file</translation>
    </message>
    <message>
        <source>missing from the file</source>
        <translation>manca nel file</translation>
    </message>
    <message>
        <source>no alert yet</source>
        <translation>ancora nessuna segnalazione</translation>
    </message>
    <message>
        <source>no folder: nothing is recorded</source>
        <translation>nessuna cartella: non si registra nulla</translation>
    </message>
    <message>
        <source>no intervention is running.</source>
        <translation>nessun intervento in corso.</translation>
    </message>
    <message>
        <source>no key</source>
        <translation>nessun tasto</translation>
    </message>
    <message>
        <source>no new picture</source>
        <translation>nessuna nuova immagine</translation>
    </message>
    <message>
        <source>no overlay</source>
        <translation>nessun riquadro</translation>
    </message>
    <message>
        <source>no picture for {0} s</source>
        <translation>nessuna immagine da {0} s</translation>
    </message>
    <message>
        <source>no polyps are marked</source>
        <translation>i polipi non sono segnalati</translation>
    </message>
    <message>
        <source>no polyps are marked yet</source>
        <translation>i polipi non sono ancora segnalati</translation>
    </message>
    <message>
        <source>no result for {0} s</source>
        <translation>nessun risultato da {0} s</translation>
    </message>
    <message>
        <source>no result yet</source>
        <translation>ancora nessun risultato</translation>
    </message>
    <message>
        <source>no signal at its input</source>
        <translation>nessun segnale all'ingresso</translation>
    </message>
    <message>
        <source>no signal at its input {0}</source>
        <translation>nessun segnale all'ingresso {0}</translation>
    </message>
    <message>
        <source>no signal at the card's input</source>
        <translation>nessun segnale all'ingresso della scheda</translation>
    </message>
    <message>
        <source>no sound device</source>
        <translation>nessun dispositivo audio</translation>
    </message>
    <message>
        <source>no sound file</source>
        <translation>nessun file audio</translation>
    </message>
    <message>
        <source>not analysed</source>
        <translation>non analizzate</translation>
    </message>
    <message>
        <source>not complete</source>
        <translation>non completo</translation>
    </message>
    <message>
        <source>not described yet</source>
        <translation>non ancora descritta</translation>
    </message>
    <message>
        <source>not open</source>
        <translation>non aperta</translation>
    </message>
    <message>
        <source>not ready after {0} s</source>
        <translation>non pronta dopo {0} s</translation>
    </message>
    <message>
        <source>not ready for this size after {0} s</source>
        <translation>non pronta per questa dimensione dopo {0} s</translation>
    </message>
    <message>
        <source>nothing answers behind this node</source>
        <translation>dietro questo nodo non risponde nulla</translation>
    </message>
    <message>
        <source>nothing faster fits through {0}</source>
        <translation>nulla di più veloce passa da {0}</translation>
    </message>
    <message>
        <source>nothing faster is offered</source>
        <translation>nulla di più veloce è offerto</translation>
    </message>
    <message>
        <source>nothing in it changes steadily</source>
        <translation>nulla vi cambia in modo costante</translation>
    </message>
    <message>
        <source>nothing in it moved</source>
        <translation>nulla vi si è mosso</translation>
    </message>
    <message>
        <source>nothing received for {0} s</source>
        <translation>nulla ricevuto da {0} s</translation>
    </message>
    <message>
        <source>off</source>
        <translation>spenta</translation>
    </message>
    <message>
        <source>opening</source>
        <translation>apertura</translation>
    </message>
    <message>
        <source>out of the body</source>
        <translation>fuori dal corpo</translation>
    </message>
    <message>
        <source>overlay expired</source>
        <translation>riquadri scaduti</translation>
    </message>
    <message>
        <source>overlay {n} ms</source>
        <translation>riquadri {n} ms</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>in pausa</translation>
    </message>
    <message>
        <source>paused: the first model fell behind, this computer does not hold both</source>
        <translation>in pausa: il primo modello è rimasto indietro, questo computer non regge entrambi</translation>
    </message>
    <message>
        <source>pictures from outside the body cannot be blanked in it</source>
        <translation>le immagini fuori dal corpo non vi si possono oscurare</translation>
    </message>
    <message>
        <source>pixel format as asked for</source>
        <translation>formato dei pixel come richiesto</translation>
    </message>
    <message>
        <source>pixels that are not square ({0}): scaled to {1} x {2}, as DICOM asks</source>
        <translation>pixel non quadrati ({0}): portati a {1} x {2}, come chiede DICOM</translation>
    </message>
    <message>
        <source>playing</source>
        <translation>in corso</translation>
    </message>
    <message>
        <source>poor views, light and freezing are not noticed</source>
        <translation>visione scarsa, luce e blocchi non vengono notati</translation>
    </message>
    <message>
        <source>press {key} to insist</source>
        <translation>premere {key} per insistere</translation>
    </message>
    <message>
        <source>rate unknown</source>
        <translation>cadenza ignota</translation>
    </message>
    <message>
        <source>rates unknown</source>
        <translation>cadenze ignote</translation>
    </message>
    <message>
        <source>reading failed: {0}</source>
        <translation>lettura fallita: {0}</translation>
    </message>
    <message>
        <source>restarting</source>
        <translation>si riavvia</translation>
    </message>
    <message>
        <source>result {n} ms old</source>
        <translation>risultato di {n} ms fa</translation>
    </message>
    <message>
        <source>results are older than {0} ms</source>
        <translation>i risultati hanno più di {0} ms</translation>
    </message>
    <message>
        <source>results of the AI are missing in the recording: the disk does not answer</source>
        <translation>nella registrazione mancano risultati dell'IA: il disco non risponde</translation>
    </message>
    <message>
        <source>second output (SDI, HDMI, DVI)</source>
        <translation>seconda uscita (SDI, HDMI, DVI)</translation>
    </message>
    <message>
        <source>set by hand</source>
        <translation>impostata a mano</translation>
    </message>
    <message>
        <source>set for this room</source>
        <translation>impostato per questa sala</translation>
    </message>
    <message>
        <source>set here</source>
        <translation>impostato qui</translation>
    </message>
    <message>
        <source>signal lost</source>
        <translation>segnale perso</translation>
    </message>
    <message>
        <source>size?</source>
        <translation>mm?</translation>
    </message>
    <message>
        <source>spool full</source>
        <translation>coda piena</translation>
    </message>
    <message>
        <source>stalled</source>
        <translation>bloccata</translation>
    </message>
    <message>
        <source>starting</source>
        <translation>si avvia</translation>
    </message>
    <message>
        <source>status {0}</source>
        <translation>stato {0}</translation>
    </message>
    <message>
        <source>stream damaged</source>
        <translation>flusso danneggiato</translation>
    </message>
    <message>
        <source>synchronised mode ended: AI too slow</source>
        <translation>modalità sincronizzata terminata: IA troppo lenta</translation>
    </message>
    <message>
        <source>takes effect at the next start</source>
        <translation>vale dal prossimo avvio</translation>
    </message>
    <message>
        <source>takes effect now</source>
        <translation>vale subito</translation>
    </message>
    <message>
        <source>the AI is recorded only</source>
        <translation>l'IA viene solo registrata</translation>
    </message>
    <message>
        <source>the AI process ended with status {0}</source>
        <translation>il processo dell'IA è finito con stato {0}</translation>
    </message>
    <message>
        <source>the AI process hung up</source>
        <translation>il processo dell'IA ha chiuso il collegamento</translation>
    </message>
    <message>
        <source>the AI process was killed by signal {0}</source>
        <translation>il processo dell'IA è stato terminato dal segnale {0}</translation>
    </message>
    <message>
        <source>the AI process was killed by {0}</source>
        <translation>il processo dell'IA è stato terminato da {0}</translation>
    </message>
    <message>
        <source>the action '{0}' must have a key</source>
        <translation>l'azione '{0}' deve avere un tasto</translation>
    </message>
    <message>
        <source>the caecum was reached already; withdraw the earlier mark if it was wrong.</source>
        <translation>il cieco era già raggiunto; annullare il segno precedente se era sbagliato.</translation>
    </message>
    <message>
        <source>the container promises {0} frames, {1} came</source>
        <translation>il contenitore promette {0} fotogrammi, ne sono arrivati {1}</translation>
    </message>
    <message>
        <source>the container promises {0} s, {1} s came</source>
        <translation>il contenitore promette {0} s, ne sono arrivati {1}</translation>
    </message>
    <message>
        <source>the decoder reports damage</source>
        <translation>il decodificatore segnala danni</translation>
    </message>
    <message>
        <source>the detector answered for frame {0}, asked for {1}</source>
        <translation>il rilevatore ha risposto per il fotogramma {0}, richiesto {1}</translation>
    </message>
    <message>
        <source>the device ended: unplugged?</source>
        <translation>il dispositivo ha smesso: scollegato?</translation>
    </message>
    <message>
        <source>the device sends no picture</source>
        <translation>il dispositivo non invia immagini</translation>
    </message>
    <message>
        <source>the disk has no room for repairing {0}</source>
        <translation>sul disco non c'è posto per riparare {0}</translation>
    </message>
    <message>
        <source>the disk is nearly full: {0} GB are free, and {1} GB must stay free</source>
        <translation>il disco è quasi pieno: sono liberi {0} GB, e {1} GB devono restare liberi</translation>
    </message>
    <message>
        <source>the encoder {0} does not answer: the recording stands still</source>
        <translation>il codificatore {0} non risponde: la registrazione è ferma</translation>
    </message>
    <message>
        <source>the end of the file is missing or damaged</source>
        <translation>la fine del file manca o è danneggiata</translation>
    </message>
    <message>
        <source>the end of {0} is lost: {1}</source>
        <translation>la fine di {0} è persa: {1}</translation>
    </message>
    <message>
        <source>the endoscope is in already.</source>
        <translation>l'endoscopio è già dentro.</translation>
    </message>
    <message>
        <source>the endoscope is out already.</source>
        <translation>l'endoscopio è già fuori.</translation>
    </message>
    <message>
        <source>the endoscope is out.</source>
        <translation>l'endoscopio è fuori.</translation>
    </message>
    <message>
        <source>the examination has begun already.</source>
        <translation>l'esame è già iniziato.</translation>
    </message>
    <message>
        <source>the examination is over.</source>
        <translation>l'esame è concluso.</translation>
    </message>
    <message>
        <source>the file vanished while it was read</source>
        <translation>il file è scomparso durante la lettura</translation>
    </message>
    <message>
        <source>the folder is needed</source>
        <translation>la cartella serve</translation>
    </message>
    <message>
        <source>the input has {0}</source>
        <translation>l'ingresso ha {0}</translation>
    </message>
    <message>
        <source>the input has {0}, a size that is not offered</source>
        <translation>l'ingresso ha {0}, una dimensione non offerta</translation>
    </message>
    <message>
        <source>the key {0} would be for both '{1}' and '{2}'; choose another</source>
        <translation>il tasto {0} varrebbe sia per '{1}' sia per '{2}'; sceglierne un altro</translation>
    </message>
    <message>
        <source>the picture area {0}, and what lies around it may name a patient</source>
        <translation>l'area dell'immagine {0}, e ciò che le sta intorno può indicare un paziente</translation>
    </message>
    <message>
        <source>the picture is held</source>
        <translation>l'immagine è ferma</translation>
    </message>
    <message>
        <source>the pipeline ended</source>
        <translation>la pipeline è finita</translation>
    </message>
    <message>
        <source>the pixel format {0} is not known</source>
        <translation>il formato dei pixel {0} non è noto</translation>
    </message>
    <message>
        <source>the preset of room '{0}'</source>
        <translation>la preimpostazione della sala '{0}'</translation>
    </message>
    <message>
        <source>the preset of room '{0}' in {1}</source>
        <translation>la preimpostazione della sala '{0}' in {1}</translation>
    </message>
    <message>
        <source>the recording could not be finished in time; its end may be missing</source>
        <translation>la registrazione non è stata chiusa in tempo; la fine può mancare</translation>
    </message>
    <message>
        <source>the recording does not reach the disk: {0}</source>
        <translation>la registrazione non raggiunge il disco: {0}</translation>
    </message>
    <message>
        <source>the recording has ended: internal error {0}</source>
        <translation>la registrazione è finita: errore interno {0}</translation>
    </message>
    <message>
        <source>the recording is not brought to the disk any more: {0}</source>
        <translation>la registrazione non viene più portata sul disco: {0}</translation>
    </message>
    <message>
        <source>the recording was ended and is complete up to here: {0}</source>
        <translation>la registrazione è stata terminata ed è completa fin qui: {0}</translation>
    </message>
    <message>
        <source>the search is in pictures of {0}, not {1}</source>
        <translation>la ricerca è in immagini di {0}, non {1}</translation>
    </message>
    <message>
        <source>the sender ended the stream</source>
        <translation>il mittente ha chiuso il flusso</translation>
    </message>
    <message>
        <source>the signal at its input is beyond what it can take</source>
        <translation>il segnale all'ingresso supera ciò che può ricevere</translation>
    </message>
    <message>
        <source>the signal at its input is not stable</source>
        <translation>il segnale all'ingresso non è stabile</translation>
    </message>
    <message>
        <source>the source's stream has a gap; the recording goes on at its next key frame</source>
        <translation>il flusso della sorgente ha una lacuna; la registrazione riprende dal prossimo fotogramma chiave</translation>
    </message>
    <message>
        <source>the stream shows more than the picture area</source>
        <translation>il flusso mostra più dell'area dell'immagine</translation>
    </message>
    <message>
        <source>the system says: {0}</source>
        <translation>il sistema dice: {0}</translation>
    </message>
    <message>
        <source>the whole picture</source>
        <translation>l'immagine intera</translation>
    </message>
    <message>
        <source>there is no action '{0}'; there are {1}</source>
        <translation>l'azione '{0}' non c'è; ci sono {1}</translation>
    </message>
    <message>
        <source>there is no event {0} before it.</source>
        <translation>l'evento {0} non c'è prima di esso.</translation>
    </message>
    <message>
        <source>there is no lesion {0}.</source>
        <translation>la lesione {0} non c'è.</translation>
    </message>
    <message>
        <source>this GStreamer has no decklink plug-in</source>
        <translation>questo GStreamer non ha il plug-in decklink</translation>
    </message>
    <message>
        <source>this computer cannot write the video as fast as it comes; frames are missing</source>
        <translation>questo computer non scrive il video alla velocità con cui arriva; mancano fotogrammi</translation>
    </message>
    <message>
        <source>this does not fit through {0}: expect lost frames</source>
        <translation>questo non passa da {0}: attendersi fotogrammi persi</translation>
    </message>
    <message>
        <source>this is the last picture</source>
        <translation>questa è l'ultima immagine</translation>
    </message>
    <message>
        <source>this user may not read it</source>
        <translation>questo utente non può leggerlo</translation>
    </message>
    <message>
        <source>uncompressed</source>
        <translation>non compresso</translation>
    </message>
    <message>
        <source>uncompressed does not fit through {0}</source>
        <translation>non compresso non passa da {0}</translation>
    </message>
    <message>
        <source>uncompressed gives {0} frames/s only</source>
        <translation>non compresso dà solo {0} fotogrammi/s</translation>
    </message>
    <message>
        <source>unknown rates</source>
        <translation>cadenze ignote</translation>
    </message>
    <message>
        <source>unknown yet (no motion)</source>
        <translation>ancora ignoto (nessun movimento)</translation>
    </message>
    <message>
        <source>waiting for the AI</source>
        <translation>in attesa dell'IA</translation>
    </message>
    <message>
        <source>waits for the first model</source>
        <translation>attende il primo modello</translation>
    </message>
    <message>
        <source>was ended by signal {0}</source>
        <translation>è stata terminata dal segnale {0}</translation>
    </message>
    <message>
        <source>was ended by {0}</source>
        <translation>è stata terminata da {0}</translation>
    </message>
    <message>
        <source>was not written to its end</source>
        <translation>non è stata scritta fino in fondo</translation>
    </message>
    <message>
        <source>washed out</source>
        <translation>slavata</translation>
    </message>
    <message>
        <source>what changes has no shape of a picture</source>
        <translation>ciò che cambia non ha la forma di un'immagine</translation>
    </message>
    <message>
        <source>what changes is too small a part of it</source>
        <translation>ciò che cambia ne è una parte troppo piccola</translation>
    </message>
    <message>
        <source>what is at its input {0} is off</source>
        <translation>ciò che è all'ingresso {0} è spento</translation>
    </message>
    <message>
        <source>withdrawal without interventions {time}</source>
        <translation>retrazione senza interventi {time}</translation>
    </message>
    <message>
        <source>{0} (process {1})</source>
        <translation>{0} (processo {1})</translation>
    </message>
    <message>
        <source>{0} cannot be loaded: {1}.</source>
        <translation>{0} non si può caricare: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be opened: {1}.</source>
        <translation>{0} non si apre: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be opened{1}.</source>
        <translation>{0} non si apre{1}.</translation>
    </message>
    <message>
        <source>{0} cannot be reached: {1}.</source>
        <translation>{0} non si raggiunge: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1})</source>
        <translation>{0} non si può leggere ({1})</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}).</source>
        <translation>{0} non si può leggere ({1}).</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}): the default settings are used.</source>
        <translation>{0} non si può leggere ({1}): si usano le impostazioni predefinite.</translation>
    </message>
    <message>
        <source>{0} cannot be read: internal error {1}.</source>
        <translation>{0} non si può leggere: errore interno {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be read: {1}.</source>
        <translation>{0} non si può leggere: {1}.</translation>
    </message>
    <message>
        <source>{0} cannot be used: {1}.</source>
        <translation>{0} non si può usare: {1}.</translation>
    </message>
    <message>
        <source>{0} carries no video.</source>
        <translation>{0} non porta un video.</translation>
    </message>
    <message>
        <source>{0} changed while it was exported.</source>
        <translation>{0} è cambiato durante l'esportazione.</translation>
    </message>
    <message>
        <source>{0} could not be deleted completely: {1}.</source>
        <translation>{0} non è stato eliminato del tutto: {1}.</translation>
    </message>
    <message>
        <source>{0} could not be read and was put aside.</source>
        <translation>{0}: illeggibile, messo da parte.</translation>
    </message>
    <message>
        <source>{0} could not be repaired ({1})</source>
        <translation>{0} non è stato riparato ({1})</translation>
    </message>
    <message>
        <source>{0} damaged pictures. Reinstall Polypwatch.</source>
        <translation>{0} immagini danneggiate. Reinstallare Polypwatch.</translation>
    </message>
    <message>
        <source>{0} does not answer: no picture within {1} s.</source>
        <translation>{0} non risponde: nessuna immagine entro {1} s.</translation>
    </message>
    <message>
        <source>{0} does not begin with the start of an examination.</source>
        <translation>{0} non comincia con l'inizio di un esame.</translation>
    </message>
    <message>
        <source>{0} does not exist on that server.</source>
        <translation>{0} non esiste su quel server.</translation>
    </message>
    <message>
        <source>{0} does not exist or is not a file.</source>
        <translation>{0} non esiste o non è un file.</translation>
    </message>
    <message>
        <source>{0} does not exist.</source>
        <translation>{0} non esiste.</translation>
    </message>
    <message>
        <source>{0} does not take these options.</source>
        <translation>{0} non accetta queste opzioni.</translation>
    </message>
    <message>
        <source>{0} exists already.</source>
        <translation>{0} esiste già.</translation>
    </message>
    <message>
        <source>{0} exists already; nothing is written over.</source>
        <translation>{0} esiste già; nulla viene sovrascritto.</translation>
    </message>
    <message>
        <source>{0} frames of the session were never recorded</source>
        <translation>{0} fotogrammi della sessione non sono mai stati registrati</translation>
    </message>
    <message>
        <source>{0} frames/s</source>
        <translation>{0} fotogrammi/s</translation>
    </message>
    <message>
        <source>{0} has a setting '{1}' that there is not{2}.</source>
        <translation>{0} ha un'impostazione '{1}' che non c'è{2}.</translation>
    </message>
    <message>
        <source>{0} has a {1}, but no video.</source>
        <translation>{0} ha {1}, ma nessun video.</translation>
    </message>
    <message>
        <source>{0} has no 'schema' field; expected '{1}'.</source>
        <translation>{0} non ha il campo 'schema'; atteso '{1}'.</translation>
    </message>
    <message>
        <source>{0} has no {1}: without it nobody knows when its frames were taken.</source>
        <translation>{0} non ha {1}: senza, nessuno sa quando i suoi fotogrammi sono stati ripresi.</translation>
    </message>
    <message>
        <source>{0} holds neither snapshots nor a recording.</source>
        <translation>{0} non contiene né fotografie né una registrazione.</translation>
    </message>
    <message>
        <source>{0} holds no encapsulated video.</source>
        <translation>{0} non contiene un video incapsulato.</translation>
    </message>
    <message>
        <source>{0} holds no event that can be read.</source>
        <translation>{0} non contiene eventi leggibili.</translation>
    </message>
    <message>
        <source>{0} holds no picture</source>
        <translation>{0} non contiene immagini</translation>
    </message>
    <message>
        <source>{0} holds no picture that can be decoded.</source>
        <translation>{0} non contiene immagini decodificabili.</translation>
    </message>
    <message>
        <source>{0} holds no recording (video-001.mkv, {1}).</source>
        <translation>{0} non contiene una registrazione (video-001.mkv, {1}).</translation>
    </message>
    <message>
        <source>{0} holds no video</source>
        <translation>{0} non contiene un video</translation>
    </message>
    <message>
        <source>{0} holds no video that can be decoded.</source>
        <translation>{0} non contiene un video decodificabile.</translation>
    </message>
    <message>
        <source>{0} holds no video.</source>
        <translation>{0} non contiene un video.</translation>
    </message>
    <message>
        <source>{0} holds {1} pictures, and its copy {2}</source>
        <translation>{0} contiene {1} immagini, e la sua copia {2}</translation>
    </message>
    <message>
        <source>{0} is DICOM, but no video (transfer syntax {1}).</source>
        <translation>{0} è DICOM, ma non un video (sintassi di trasferimento {1}).</translation>
    </message>
    <message>
        <source>{0} is a recording, not a live stream.</source>
        <translation>{0} è una registrazione, non un flusso dal vivo.</translation>
    </message>
    <message>
        <source>{0} is being recorded into.</source>
        <translation>In {0} si sta registrando.</translation>
    </message>
    <message>
        <source>{0} is being repaired already.</source>
        <translation>{0} è già in riparazione.</translation>
    </message>
    <message>
        <source>{0} is coded in a way that this installation cannot decode.</source>
        <translation>{0} è codificato in un modo che questa installazione non decodifica.</translation>
    </message>
    <message>
        <source>{0} is cut off or damaged.</source>
        <translation>{0} è troncato o danneggiato.</translation>
    </message>
    <message>
        <source>{0} is damaged {1}; it cannot be said which frame is which after that.</source>
        <translation>{0} è danneggiato {1}; da lì in poi non si sa quale fotogramma sia quale.</translation>
    </message>
    <message>
        <source>{0} is empty (0 bytes).</source>
        <translation>{0} è vuoto (0 byte).</translation>
    </message>
    <message>
        <source>{0} is far too large for a settings file.</source>
        <translation>{0} è troppo grande per un file di impostazioni.</translation>
    </message>
    <message>
        <source>{0} is no DICOM file.</source>
        <translation>{0} non è un file DICOM.</translation>
    </message>
    <message>
        <source>{0} is no JSON file ({1}).</source>
        <translation>{0} non è un file JSON ({1}).</translation>
    </message>
    <message>
        <source>{0} is no aspect of a picture.</source>
        <translation>{0} non è un rapporto d'immagine.</translation>
    </message>
    <message>
        <source>{0} is no colour encoding.</source>
        <translation>{0} non è una codifica dei colori.</translation>
    </message>
    <message>
        <source>{0} is no picture area.</source>
        <translation>{0} non è un'area dell'immagine.</translation>
    </message>
    <message>
        <source>{0} is no picture size.</source>
        <translation>{0} non è una dimensione dell'immagine.</translation>
    </message>
    <message>
        <source>{0} is no picture that can be read.</source>
        <translation>{0} non è un'immagine leggibile.</translation>
    </message>
    <message>
        <source>{0} is no pipeline that can be built here: {1}.</source>
        <translation>{0} non è una pipeline costruibile qui: {1}.</translation>
    </message>
    <message>
        <source>{0} is no row of a results log.</source>
        <translation>{0} non è una riga di un registro dei risultati.</translation>
    </message>
    <message>
        <source>{0} is no way to deinterlace.</source>
        <translation>{0} non è un modo di deinterlacciare.</translation>
    </message>
    <message>
        <source>{0} is no whole snapshot: {1} is missing.</source>
        <translation>{0} non è una fotografia intera: manca {1}.</translation>
    </message>
    <message>
        <source>{0} is not JSON: {1}.</source>
        <translation>{0} non è JSON: {1}.</translation>
    </message>
    <message>
        <source>{0} is not UTF-8 text: {1}.</source>
        <translation>{0} non è testo UTF-8: {1}.</translation>
    </message>
    <message>
        <source>{0} is not a complete video: its index (moov) is missing, so it was cut off while being recorded or copied.</source>
        <translation>{0} non è un video completo: manca l'indice (moov), quindi è stato troncato durante la registrazione o la copia.</translation>
    </message>
    <message>
        <source>{0} is not a network that ONNX Runtime can load: {1}.</source>
        <translation>{0} non è una rete che ONNX Runtime può caricare: {1}.</translation>
    </message>
    <message>
        <source>{0} is not a valid model manifest: {1}.</source>
        <translation>{0} non è un manifesto di modello valido: {1}.</translation>
    </message>
    <message>
        <source>{0} is not a video that can be read.</source>
        <translation>{0} non è un video leggibile.</translation>
    </message>
    <message>
        <source>{0} is not a video that can be read: {1}.</source>
        <translation>{0} non è un video leggibile: {1}.</translation>
    </message>
    <message>
        <source>{0} is not an event.</source>
        <translation>{0} non è un evento.</translation>
    </message>
    <message>
        <source>{0} is not the network that its manifest describes: {1} {2}.</source>
        <translation>{0} non è la rete descritta dal suo manifesto: {1} {2}.</translation>
    </message>
    <message>
        <source>{0} is not valid JSON: {1}.</source>
        <translation>{0} non è JSON valido: {1}.</translation>
    </message>
    <message>
        <source>{0} is nothing that can be exported.</source>
        <translation>{0} non è nulla che si possa esportare.</translation>
    </message>
    <message>
        <source>{0} is of schema '{1}'; expected '{2}'.</source>
        <translation>{0} è dello schema '{1}'; atteso '{2}'.</translation>
    </message>
    <message>
        <source>{0} is of schema '{1}'; this version of Polypwatch reads '{2}'.</source>
        <translation>{0} è dello schema '{1}'; questa versione di Polypwatch legge '{2}'.</translation>
    </message>
    <message>
        <source>{0} is still held by an earlier connection that does not answer.</source>
        <translation>{0} è ancora occupata da un collegamento precedente che non risponde.</translation>
    </message>
    <message>
        <source>{0} is what it has for {1}</source>
        <translation>{0} è ciò che ha per {1}</translation>
    </message>
    <message>
        <source>{0} labels another video: '{1}' with SHA-256 {2}..., which is not the content of {3}.</source>
        <translation>{0} annota un altro video: '{1}' con SHA-256 {2}..., che non è il contenuto di {3}.</translation>
    </message>
    <message>
        <source>{0} lacks video-{1}.mkv, which {2} names.</source>
        <translation>In {0} manca video-{1}.mkv, indicato da {2}.</translation>
    </message>
    <message>
        <source>{0} lists {1} frames of {2}, which holds {3}</source>
        <translation>{0} elenca {1} fotogrammi di {2}, che ne contiene {3}</translation>
    </message>
    <message>
        <source>{0} may not be read.</source>
        <translation>{0} non si può leggere.</translation>
    </message>
    <message>
        <source>{0} must hold 'name' and 'settings'.</source>
        <translation>{0} deve contenere 'name' e 'settings'.</translation>
    </message>
    <message>
        <source>{0} names no DeckLink card.</source>
        <translation>{0} non indica nessuna scheda DeckLink.</translation>
    </message>
    <message>
        <source>{0} names no two colour encodings.</source>
        <translation>{0} non indica due codifiche dei colori.</translation>
    </message>
    <message>
        <source>{0} no longer exists</source>
        <translation>{0} non esiste più</translation>
    </message>
    <message>
        <source>{0} no longer exists: unplugged?</source>
        <translation>{0} non esiste più: scollegato?</translation>
    </message>
    <message>
        <source>{0} of {1} pictures were painted</source>
        <translation>sono apparse {0} immagini su {1}</translation>
    </message>
    <message>
        <source>{0} pictures ({1}) are there</source>
        <translation>ci sono {0} immagini ({1})</translation>
    </message>
    <message>
        <source>{0} pictures were recorded and read back, every one listed.</source>
        <translation>{0} immagini registrate e rilette, tutte elencate.</translation>
    </message>
    <message>
        <source>{0} pictures were recorded, {1} can be read back, {2} are listed. Check the disk.</source>
        <translation>{0} immagini registrate, {1} si possono rileggere, {2} sono elencate. Controllare il disco.</translation>
    </message>
    <message>
        <source>{0} refuses the connection.</source>
        <translation>{0} rifiuta il collegamento.</translation>
    </message>
    <message>
        <source>{0} refuses the user name or password.</source>
        <translation>{0} rifiuta il nome utente o la password.</translation>
    </message>
    <message>
        <source>{0} sends something that is not video.</source>
        <translation>{0} invia qualcosa che non è video.</translation>
    </message>
    <message>
        <source>{0} sent no picture within {1} s.</source>
        <translation>{0} non ha inviato immagini entro {1} s.</translation>
    </message>
    <message>
        <source>{0} sent no picture: {1}, {2}.</source>
        <translation>{0} non ha inviato immagini: {1}, {2}.</translation>
    </message>
    <message>
        <source>{0} through {1}{2}</source>
        <translation>{0} tramite {1}{2}</translation>
    </message>
    <message>
        <source>{0} uses a protocol that this installation cannot read.</source>
        <translation>{0} usa un protocollo che questa installazione non legge.</translation>
    </message>
    <message>
        <source>{0} was closed while it was being opened.</source>
        <translation>{0} è stata chiusa durante l'apertura.</translation>
    </message>
    <message>
        <source>{0} was not deleted: {1}.</source>
        <translation>{0} non è stato eliminato: {1}.</translation>
    </message>
    <message>
        <source>{0} would give {1} frames/s</source>
        <translation>{0} darebbe {1} fotogrammi/s</translation>
    </message>
    <message>
        <source>{0} {1} The default settings are used. {2}</source>
        <translation>{0} {1} Si usano le impostazioni predefinite. {2}</translation>
    </message>
    <message>
        <source>{0} {1} could not be read and was put aside.</source>
        <translation>{0} {1}: illeggibile, messo da parte.</translation>
    </message>
    <message>
        <source>{0} {1} that can be decoded.</source>
        <translation>{0} {1} decodificabile.</translation>
    </message>
    <message>
        <source>{0}, but not in their order. Report this.</source>
        <translation>{0}, ma non nel loro ordine. Segnalarlo.</translation>
    </message>
    <message>
        <source>{0}, in their order.</source>
        <translation>{0}, nel loro ordine.</translation>
    </message>
    <message>
        <source>{0}, line {1}</source>
        <translation>{0}, riga {1}</translation>
    </message>
    <message>
        <source>{0}, though asked for {1}</source>
        <translation>{0}, benché richiesto {1}</translation>
    </message>
    <message>
        <source>{0}, through GStreamer</source>
        <translation>{0}, tramite GStreamer</translation>
    </message>
    <message>
        <source>{0}, {1} at the end are missing</source>
        <translation>{0}, alla fine ne mancano {1}</translation>
    </message>
    <message>
        <source>{0}: field 'capture_index' must be the number of a frame or null, not {1}.</source>
        <translation>{0}: il campo 'capture_index' deve essere il numero di un fotogramma o nullo, non {1}.</translation>
    </message>
    <message>
        <source>{0}: field 'kind' must say what happened, not {1}.</source>
        <translation>{0}: il campo 'kind' deve dire che cosa è successo, non {1}.</translation>
    </message>
    <message>
        <source>{0}: field 'n' must be the number of the event, not {1}.</source>
        <translation>{0}: il campo 'n' deve essere il numero dell'evento, non {1}.</translation>
    </message>
    <message>
        <source>{0}: field 't_s' must be seconds since the start, not {1}.</source>
        <translation>{0}: il campo 't_s' deve essere in secondi dall'inizio, non {1}.</translation>
    </message>
    <message>
        <source>{0}: frame {1} stands at place {2} of segment {3}, but it is the {4}. listed there.</source>
        <translation>{0}: il fotogramma {1} sta al posto {2} del segmento {3}, ma vi è elencato come {4}.</translation>
    </message>
    <message>
        <source>{0}: there is another event {1} already.</source>
        <translation>{0}: c'è già un altro evento {1}.</translation>
    </message>
    <message>
        <source>{0}: {1} pictures analysed, {2} could not be analysed.</source>
        <translation>{0}: {1} immagini analizzate, {2} non sono state analizzate.</translation>
    </message>
    <message>
        <source>{0}: {1} pictures analysed.</source>
        <translation>{0}: {1} immagini analizzate.</translation>
    </message>
    <message>
        <source>{file} in {folder}</source>
        <translation>{file} in {folder}</translation>
    </message>
    <message>
        <source>{h} h {m} min</source>
        <translation>{h} h {m} min</translation>
    </message>
    <message>
        <source>{key} is already the key for: {action}. Choose another one, or change that first.</source>
        <translation>{key} è già il tasto per: {action}. Sceglierne un altro, o cambiare prima quello.</translation>
    </message>
    <message>
        <source>{key}: boxes back</source>
        <translation>{key}: riquadri visibili</translation>
    </message>
    <message>
        <source>{key}: longer</source>
        <translation>{key}: più a lungo</translation>
    </message>
    <message>
        <source>{mark}   {key} takes it back</source>
        <translation>{mark}   {key} lo annulla</translation>
    </message>
    <message>
        <source>{mark}, the withdrawal clock waits</source>
        <translation>{mark}, l'orologio della retrazione attende</translation>
    </message>
    <message>
        <source>{mark}, withdrawal runs</source>
        <translation>{mark}, retrazione in corso</translation>
    </message>
    <message>
        <source>{mark}, withdrawal {net} without interventions</source>
        <translation>{mark}, retrazione {net} senza interventi</translation>
    </message>
    <message>
        <source>{n} DICOM files are written.</source>
        <translation>{n} file DICOM scritti.</translation>
    </message>
    <message>
        <source>{n} FRAMES NOT ANALYSED</source>
        <translation>{n} FOTOGRAMMI NON ANALIZZATI</translation>
    </message>
    <message>
        <source>{n} LOST: {cause}</source>
        <translation>{n} PERSI: {cause}</translation>
    </message>
    <message>
        <source>{n} false alarms a minute on {minutes} minutes of video, processors unknown</source>
        <translation>{n} falsi allarmi al minuto su {minutes} minuti di video, processori ignoti</translation>
    </message>
    <message>
        <source>{n} false alarms a minute on {minutes} minutes of video, processors: {processors}</source>
        <translation>{n} falsi allarmi al minuto su {minutes} minuti di video, processori: {processors}</translation>
    </message>
    <message>
        <source>{n} frames/s</source>
        <translation>{n} fotogrammi/s</translation>
    </message>
    <message>
        <source>{n} lesions</source>
        <translation>{n} lesioni</translation>
    </message>
    <message>
        <source>{n} min</source>
        <translation>{n} min</translation>
    </message>
    <message>
        <source>{n} of 9</source>
        <translation>{n} di 9</translation>
    </message>
    <message>
        <source>{n} of {count}</source>
        <translation>{n} di {count}</translation>
    </message>
    <message>
        <source>{n} recordings are older than {days} days ({size}).</source>
        <translation>{n} registrazioni hanno più di {days} giorni ({size}).</translation>
    </message>
    <message>
        <source>{n} s</source>
        <translation>{n} s</translation>
    </message>
    <message>
        <source>{path} is no folder.</source>
        <translation>{path} non è una cartella.</translation>
    </message>
    <message>
        <source>{rate} frames/s announced</source>
        <translation>{rate} fotogrammi/s dichiarati</translation>
    </message>
    <message>
        <source>{rate} pictures/s arrive</source>
        <translation>{rate} immagini/s in arrivo</translation>
    </message>
    <message>
        <source>{software}: set-up</source>
        <translation>{software}: configurazione</translation>
    </message>
    <message>
        <source>{state}, trying again ({n})</source>
        <translation>{state}, si riprova ({n})</translation>
    </message>
    <message>
        <source>{width} x {height} pixels</source>
        <translation>{width} x {height} pixel</translation>
    </message>
    <message>
        <source>{width} x {height} pixels from {x}, {y}</source>
        <translation>{width} x {height} pixel da {x}, {y}</translation>
    </message>
</context>
</TS>
