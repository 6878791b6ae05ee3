<?php
// Calls the address in its argument with the curl extension, unmodified.
$c = curl_init($argv[1]);
curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
echo curl_exec($c), curl_error($c), "\n";
